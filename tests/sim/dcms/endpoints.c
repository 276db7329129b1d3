/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoints.h"

#include <string.h>

#include "auth.h"

/* Shorthand for the tables below: optional and required members, ends of lists. */
#define OPT(name, type, max)                                                                                 \
        { name, type, 0, max, NULL, NULL }
#define REQ(name, type, max)                                                                                 \
        { name, type, CW_DSIM_REQUIRED, max, NULL, NULL }
#define ONE_OF(name, flags, choices)                                                                         \
        { name, CW_DSIM_CHOICE, flags, 0, choices, NULL }
#define NEST(name, type, flags, sub)                                                                         \
        { name, type, flags, 0, NULL, sub }
#define END                                                                                                  \
        { NULL, CW_DSIM_TEXT, 0, 0, NULL, NULL }

static const char *const CARD_TYPES[] = {"PHYSICAL", "VIRTUAL", NULL};
static const char *const ADDRESS_TYPES[] = {"PERMANENT", "COMMUNICATION", NULL};
static const char *const ENTITY_TYPES[] = {"CUSTOMER", NULL};
static const char *const TITLES[] = {"Mr", "Mrs", "Miss", "Ms", "Dr", NULL};
static const char *const GENDERS[] = {"MALE", "FEMALE", "OTHER", NULL};
/* The page's list; the catalogue's "hotlist" is not in it. */
static const char *const OPERATIONS[] = {"LOCK", "UNLOCK", "BLOCK", "REPLACE", "BLOCK_AND_REPLACE", NULL};
static const char *const REF_TYPES[] = {"DC_KIT", "PARENT_KIT", NULL};
static const char *const EMBOSS_TYPES[] = {"PERSONALIZED", "NON_PERSONALIZED", NULL};

static const struct cw_dsim_field AUTHENTICATE[] = {REQ("username", CW_DSIM_TEXT, 64),
                                                    REQ("password", CW_DSIM_TEXT, 0), END};

static const struct cw_dsim_field BRANCH_INFO[] = {REQ("branchId", CW_DSIM_TEXT, 63),
                                                   OPT("branchName", CW_DSIM_TEXT, 0), END};
static const struct cw_dsim_field PARTY_INFO[] = {OPT("orderingPartyId", CW_DSIM_TEXT, 64),
                                                  OPT("orderingPartyType", CW_DSIM_TEXT, 64), END};
static const struct cw_dsim_field ORDER_PRODUCT[] = {OPT("bin", CW_DSIM_TEXT, 12),
                                                     REQ("productId", CW_DSIM_TEXT, 63),
                                                     REQ("quantity", CW_DSIM_INT, 0),
                                                     OPT("plasticCode", CW_DSIM_TEXT, 24),
                                                     OPT("panLength", CW_DSIM_INT, 0),
                                                     OPT("pinRequired", CW_DSIM_BOOL, 0),
                                                     END};

#define ORDER_FIELDS                                                                                         \
        OPT("orderId", CW_DSIM_TEXT, 64), NEST("branchInfo", CW_DSIM_OBJECT, CW_DSIM_REQUIRED, BRANCH_INFO), \
            OPT("address", CW_DSIM_TEXT, 1000), OPT("pinCode", CW_DSIM_TEXT, 16),                            \
            NEST("orderingPartyInfo", CW_DSIM_OBJECT, 0, PARTY_INFO), OPT("metaValues", CW_DSIM_FREE, 0),    \
            OPT("processStartTime", CW_DSIM_STAMP, 0), OPT("validity", CW_DSIM_INT, 0),                      \
            NEST("products", CW_DSIM_OBJECTS, CW_DSIM_REQUIRED, ORDER_PRODUCT)

static const struct cw_dsim_field ORDER[] = {ORDER_FIELDS, END};
static const struct cw_dsim_field ORDER_WITH_FILE[] = {ORDER_FIELDS, REQ("fileName", CW_DSIM_TEXT, 200), END};
static const struct cw_dsim_field ORDER_STATUS[] = {REQ("cardOrderId", CW_DSIM_TEXT, 64), END};
static const struct cw_dsim_field ORDER_CANCEL[] = {REQ("orderId", CW_DSIM_TEXT, 64),
                                                    REQ("branchId", CW_DSIM_TEXT, 63), END};
static const struct cw_dsim_field ORDER_SELECT[] = {OPT("orderId", CW_DSIM_TEXT, 64),
                                                    OPT("cardOrderId", CW_DSIM_TEXT, 64), END};
static const struct cw_dsim_field NOTHING[] = {END};

#define INVENTORY_FILTERS                                                                                    \
        OPT("orderIds", CW_DSIM_TEXTS, 0), OPT("branchId", CW_DSIM_TEXT, 63),                                \
            OPT("orderingPartyId", CW_DSIM_TEXT, 64), OPT("orderingPartyType", CW_DSIM_TEXT, 64),            \
            OPT("fromDate", CW_DSIM_ISO, 0), OPT("toDate", CW_DSIM_ISO, 0), OPT("pageNo", CW_DSIM_INT, 0),   \
            OPT("pageSize", CW_DSIM_INT, 0)

static const struct cw_dsim_field INVENTORY_KITS[] = {ONE_OF("refType", CW_DSIM_REQUIRED, REF_TYPES),
                                                      OPT("kitRefNo", CW_DSIM_TEXTS, 0),
                                                      OPT("kitStatus", CW_DSIM_TEXT, 24),
                                                      OPT("deliveryStatus", CW_DSIM_TEXT, 24),
                                                      INVENTORY_FILTERS,
                                                      END};
static const struct cw_dsim_field INVENTORY_ORDERS[] = {INVENTORY_FILTERS, END};
static const struct cw_dsim_field SUMMARY[] = {REQ("branchId", CW_DSIM_TEXT, 63),
                                               OPT("cardOrderId", CW_DSIM_TEXT, 64),
                                               OPT("productId", CW_DSIM_TEXT, 63),
                                               ONE_OF("cardType", 0, CARD_TYPES),
                                               ONE_OF("embossType", 0, EMBOSS_TYPES),
                                               OPT("deliveryStatus", CW_DSIM_TEXT, 24),
                                               OPT("pageNo", CW_DSIM_INT, 0),
                                               OPT("pageSize", CW_DSIM_INT, 0),
                                               END};
static const struct cw_dsim_field DELIVERY[] = {REQ("deliveryStatus", CW_DSIM_TEXT, 23),
                                                REQ("kitNo", CW_DSIM_TEXTS, 0), END};
/* chnager: spelt so by the API. */
static const struct cw_dsim_field TRANSFER[] = {REQ("fromBranch", CW_DSIM_TEXT, 63),
                                                REQ("toBranch", CW_DSIM_TEXT, 63),
                                                REQ("kitNo", CW_DSIM_TEXTS, 0),
                                                OPT("creator", CW_DSIM_TEXT, 64),
                                                OPT("chnager", CW_DSIM_TEXT, 64),
                                                OPT("approver", CW_DSIM_TEXT, 64),
                                                END};
static const struct cw_dsim_field EXPIRE[] = {OPT("kitNo", CW_DSIM_TEXT, 39),
                                              OPT("parentKitNo", CW_DSIM_TEXT, 39), END};

static const struct cw_dsim_field KIT_INFO[] = {OPT("accountNo", CW_DSIM_ACCOUNT, 0),
                                                ONE_OF("cardType", 0, CARD_TYPES),
                                                OPT("kitNo", CW_DSIM_TEXT, 39),
                                                OPT("aliasName", CW_DSIM_TEXT, 63),
                                                OPT("fourthLine", CW_DSIM_TEXT, 63),
                                                OPT("cardCategory", CW_DSIM_TEXT, 24),
                                                OPT("cardRegStatus", CW_DSIM_TEXT, 24),
                                                OPT("expDate", CW_DSIM_TEXT, 40),
                                                OPT("plasticCode", CW_DSIM_TEXT, 24),
                                                OPT("tierType", CW_DSIM_TEXT, 24),
                                                END};
static const struct cw_dsim_field ADDRESS_INFO[] = {
    ONE_OF("addressCategory", CW_DSIM_REQUIRED, ADDRESS_TYPES),
    REQ("address1", CW_DSIM_TEXT, 0),
    OPT("address2", CW_DSIM_TEXT, 0),
    OPT("address3", CW_DSIM_TEXT, 0),
    OPT("city", CW_DSIM_TEXT, 0),
    OPT("state", CW_DSIM_TEXT, 0),
    OPT("country", CW_DSIM_TEXT, 0),
    OPT("pinCode", CW_DSIM_TEXT, 16),
    END};
static const struct cw_dsim_field COMMUNICATION_INFO[] = {
    REQ("contactNo", CW_DSIM_TEXT, 20), OPT("contactNo2", CW_DSIM_TEXT, 20), OPT("emailId", CW_DSIM_TEXT, 0),
    OPT("notification", CW_DSIM_BOOL, 0), END};
static const struct cw_dsim_field KYC_INFO[] = {
    OPT("kycRefNo", CW_DSIM_TEXT, 64), REQ("documentType", CW_DSIM_TEXT, 64),
    REQ("documentNo", CW_DSIM_TEXT, 64), OPT("documentExpiry", CW_DSIM_DATE, 0), END};
static const struct cw_dsim_field ACCOUNT_INFO[] = {REQ("accountNo", CW_DSIM_ACCOUNT, 0),
                                                    OPT("accountType", CW_DSIM_TEXT, 24),
                                                    OPT("accountTag", CW_DSIM_TEXT, 24), END};
static const struct cw_dsim_field REGISTER[] = {
    REQ("entityId", CW_DSIM_TEXT, 50),
    ONE_OF("entityType", CW_DSIM_REQUIRED, ENTITY_TYPES),
    REQ("businessType", CW_DSIM_TEXT, 64),
    REQ("business", CW_DSIM_TEXT, 64),
    REQ("businessId", CW_DSIM_TEXT, 64),
    ONE_OF("title", 0, TITLES),
    REQ("firstName", CW_DSIM_TEXT, 64),
    OPT("middleName", CW_DSIM_TEXT, 64),
    REQ("lastName", CW_DSIM_TEXT, 64),
    ONE_OF("gender", CW_DSIM_REQUIRED, GENDERS),
    REQ("dob", CW_DSIM_DATE, 0),
    {"referralEntityId", CW_DSIM_TEXT, CW_DSIM_NULLABLE, 50, NULL, NULL},
    ONE_OF("deliveryAddress", 0, ADDRESS_TYPES),
    NEST("addressInfo", CW_DSIM_OBJECTS, CW_DSIM_REQUIRED, ADDRESS_INFO),
    NEST("communicationInfo", CW_DSIM_OBJECTS, CW_DSIM_REQUIRED, COMMUNICATION_INFO),
    NEST("kycInfo", CW_DSIM_OBJECTS, CW_DSIM_REQUIRED, KYC_INFO),
    NEST("accountInfo", CW_DSIM_OBJECTS, CW_DSIM_REQUIRED, ACCOUNT_INFO),
    NEST("kitInfo", CW_DSIM_OBJECTS, 0, KIT_INFO),
    END};
static const struct cw_dsim_field REGISTER_CARD[] = {
    REQ("entityId", CW_DSIM_TEXT, 50), ONE_OF("deliveryAddress", 0, ADDRESS_TYPES),
    NEST("kitInfo", CW_DSIM_OBJECTS, CW_DSIM_REQUIRED, KIT_INFO), END};

static const struct cw_dsim_field PIN[] = {REQ("pin", CW_DSIM_TEXT, 0), REQ("kitNo", CW_DSIM_TEXT, 39),
                                           REQ("entityId", CW_DSIM_TEXT, 50),
                                           REQ("expiryDate", CW_DSIM_MMYY, 0), END};
static const struct cw_dsim_field ACTIVATE[] = {REQ("entityId", CW_DSIM_TEXT, 50),
                                                REQ("kitNo", CW_DSIM_TEXT, 39), END};
static const struct cw_dsim_field MANAGE[] = {REQ("entityId", CW_DSIM_TEXT, 50),
                                              REQ("oldKit", CW_DSIM_TEXT, 39),
                                              ONE_OF("operation", CW_DSIM_REQUIRED, OPERATIONS),
                                              ONE_OF("cardType", 0, CARD_TYPES),
                                              ONE_OF("deliveryAddress", 0, ADDRESS_TYPES),
                                              END};
static const struct cw_dsim_field BY_ENTITY[] = {REQ("entityId", CW_DSIM_TEXT, 50), END};
static const struct cw_dsim_field BY_CARD[] = {REQ("encryptedCardNumber", CW_DSIM_TEXT, 0), END};
static const struct cw_dsim_field GET_CVV[] = {REQ("kitNo", CW_DSIM_TEXT, 39), END};
static const struct cw_dsim_field BRANCH_FETCH[] = {
    OPT("branchId", CW_DSIM_TEXT, 63),      OPT("branchCode", CW_DSIM_TEXT, 64),
    OPT("branchName", CW_DSIM_TEXT, 0),     OPT("fromCreatedDate", CW_DSIM_STAMP, 0),
    OPT("toCreatedDate", CW_DSIM_STAMP, 0), OPT("fromChangedDate", CW_DSIM_STAMP, 0),
    OPT("toChangedDate", CW_DSIM_STAMP, 0), OPT("pageNo", CW_DSIM_INT, 0),
    OPT("pageSize", CW_DSIM_INT, 0),        OPT("isAudit", CW_DSIM_BOOL, 0),
    OPT("sortFields", CW_DSIM_FREE, 0),     END};

#define OBJ CW_DSIM_BODY_OBJECT
#define EFFECT CW_DSIM_EFFECT

static const struct cw_dsim_endpoint ENDPOINTS[] = {
    {"/api/authenticate", cw_dsim_auth_authenticate, AUTHENTICATE, OBJ, CW_DSIM_OPEN, CW_DSIM_E_INPUT},
    {"/card-order", cw_dsim_orders_create, ORDER, OBJ, EFFECT, CW_DSIM_E_ORDER},
    {"/card-order/withFile", cw_dsim_orders_create_with_file, ORDER_WITH_FILE, OBJ, EFFECT, CW_DSIM_E_ORDER},
    {"/card-order/uploadFile", cw_dsim_orders_upload, NOTHING, CW_DSIM_BODY_FILE, EFFECT,
     CW_DSIM_E_ORDER_FILE},
    {"/card-order/fetchStatus", cw_dsim_orders_status_of, ORDER_STATUS, OBJ, 0, CW_DSIM_E_INPUT},
    {"/card-order/cancel", cw_dsim_orders_cancel, ORDER_CANCEL, OBJ, EFFECT, CW_DSIM_E_INPUT},
    {"/card-order/received", cw_dsim_orders_received, NOTHING, CW_DSIM_BODY_OPTIONAL, 0, CW_DSIM_E_INPUT},
    {"/card-order/process", cw_dsim_orders_process, ORDER_SELECT, CW_DSIM_BODY_OPTIONAL,
     EFFECT | CW_DSIM_ORDER_ARG, CW_DSIM_E_INPUT},
    {"/card-order/status", cw_dsim_orders_pull, ORDER_SELECT, CW_DSIM_BODY_OPTIONAL, CW_DSIM_ORDER_ARG,
     CW_DSIM_E_INPUT},
    {"/card-order/sync-pending-status", cw_dsim_orders_pull_all, NOTHING, CW_DSIM_BODY_OPTIONAL, 0,
     CW_DSIM_E_INPUT},
    {"/card-order/retry-stuck-pending", cw_dsim_orders_retry_stuck, NOTHING, CW_DSIM_BODY_OPTIONAL, EFFECT,
     CW_DSIM_E_INPUT},
    {"/inventory/fetchKitDetailsFromInventory", cw_dsim_inventory_details, INVENTORY_KITS, OBJ, 0,
     CW_DSIM_E_INPUT},
    {"/inventory/fetchCardOrderDetailsFromInventory", cw_dsim_inventory_orders, INVENTORY_ORDERS, OBJ, 0,
     CW_DSIM_E_INPUT},
    {"/inventory/fetchKitSummary", cw_dsim_inventory_summary, SUMMARY, OBJ, 0, CW_DSIM_E_INPUT},
    {"/inventory/update/deliveryStatus", cw_dsim_inventory_delivery, DELIVERY, CW_DSIM_BODY_ARRAY, EFFECT,
     CW_DSIM_E_INPUT},
    {"/inventory/kitsTransfer", cw_dsim_inventory_transfer, TRANSFER, OBJ, EFFECT, CW_DSIM_E_INPUT},
    {"/inventory/instaKit/expire", cw_dsim_inventory_expire, EXPIRE, OBJ, EFFECT, CW_DSIM_E_INPUT},
    {"/register", cw_dsim_customers_register, REGISTER, OBJ, EFFECT, CW_DSIM_E_INPUT},
    {"/registerCard", cw_dsim_customers_register_card, REGISTER_CARD, OBJ, EFFECT, CW_DSIM_E_INPUT},
    {"/kit-manager/setPin", cw_dsim_pin_set_v1, PIN, OBJ, EFFECT, CW_DSIM_E_INPUT},
    {"/kit-manager/v2/setPin", cw_dsim_pin_set_v2, PIN, OBJ, EFFECT, CW_DSIM_E_INPUT},
    {"/kit-manager/validatePin", cw_dsim_pin_validate_v1, PIN, OBJ, EFFECT, CW_DSIM_E_INPUT},
    {"/kit-manager/v2/validatePin", cw_dsim_pin_validate_v2, PIN, OBJ, EFFECT, CW_DSIM_E_INPUT},
    {"/kit-manager/kitActivation", cw_dsim_kitops_activate, ACTIVATE, OBJ, EFFECT, CW_DSIM_E_INPUT},
    {"/kit-manager/manageKit", cw_dsim_kitops_manage, MANAGE, OBJ, EFFECT, CW_DSIM_E_INPUT},
    {"/kit-manager/fetchKitsByEntityId", cw_dsim_kitops_by_entity, BY_ENTITY, OBJ, 0, CW_DSIM_E_INPUT},
    {"/kit-manager/v2/fetchKitsByEntityId", cw_dsim_kitops_by_entity_v2, BY_ENTITY, OBJ, 0, CW_DSIM_E_INPUT},
    {"/kit-manager/v2/fetchByCardNo", cw_dsim_kitops_by_card, BY_CARD, OBJ, 0, CW_DSIM_E_INPUT},
    {"/kit-manager/getCvv", cw_dsim_kitops_cvv, GET_CVV, OBJ, 0, CW_DSIM_E_INPUT},
    {"/branch/fetch", cw_dsim_branch_fetch, BRANCH_FETCH, OBJ, 0, CW_DSIM_E_INPUT},
    {NULL, NULL, NULL, OBJ, 0, CW_DSIM_E_INPUT},
};

const struct cw_dsim_endpoint *cw_dsim_endpoint_find(const char *path) {
        for (const struct cw_dsim_endpoint *e = ENDPOINTS; e->path; e++)
                if (strcmp(e->path, path) == 0)
                        return e;
        return NULL;
}

const struct cw_dsim_endpoint *cw_dsim_endpoint_list(void) {
        return ENDPOINTS;
}
