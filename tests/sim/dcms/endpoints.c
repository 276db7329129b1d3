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
static const char *const BULK_OPERATIONS[] = {"BLOCK", "LOCK", "UNLOCK", NULL};
static const char *const CHANNELS[] = {"IVR", "WEB", "MOBILE", "BRANCH", NULL};
static const char *const TXN_CHANNELS[] = {"ATM", "POS", "ECOM", "CONTACTLESS", NULL};
static const char *const WALLETS[] = {"NCMC", NULL};

static const struct cw_dsim_field MASKED_CARD[] = {REQ("maskedCardNo", CW_DSIM_MASKED, 19), END};
static const struct cw_dsim_field POI_INFO[] = {REQ("contactNo", CW_DSIM_TEXT, 20),
                                                OPT("emailId", CW_DSIM_TEXT, 0),
                                                OPT("notification", CW_DSIM_BOOL, 0), END};
static const struct cw_dsim_field POI[] = {
    REQ("entityId", CW_DSIM_TEXT, 50), NEST("communicationInfo", CW_DSIM_OBJECTS, CW_DSIM_REQUIRED, POI_INFO),
    END};
/* The sample sends district and isoCountryCode as null; the postal code is spelt pincode here. */
static const struct cw_dsim_field POA_INFO[] = {
    ONE_OF("addressCategory", CW_DSIM_REQUIRED, ADDRESS_TYPES),
    REQ("address1", CW_DSIM_TEXT, 0),
    OPT("address2", CW_DSIM_TEXT, 0),
    OPT("address3", CW_DSIM_TEXT, 0),
    OPT("city", CW_DSIM_TEXT, 0),
    OPT("state", CW_DSIM_TEXT, 0),
    OPT("country", CW_DSIM_TEXT, 0),
    {"district", CW_DSIM_TEXT, CW_DSIM_NULLABLE, 0, NULL, NULL},
    {"isoCountryCode", CW_DSIM_TEXT, CW_DSIM_NULLABLE, 3, NULL, NULL},
    OPT("pincode", CW_DSIM_TEXT, 16),
    END};
static const struct cw_dsim_field POA[] = {
    REQ("entityId", CW_DSIM_TEXT, 50), NEST("addressInfo", CW_DSIM_OBJECTS, CW_DSIM_REQUIRED, POA_INFO), END};
static const struct cw_dsim_field ACCOUNT_UPDATE[] = {REQ("accountNo", CW_DSIM_ACCOUNT, 0),
                                                      OPT("accountStatus", CW_DSIM_TEXT, 24),
                                                      OPT("accountType", CW_DSIM_TEXT, 24),
                                                      OPT("accountsCurrency", CW_DSIM_TEXT, 3),
                                                      OPT("defaultAccount", CW_DSIM_BOOL, 0),
                                                      OPT("initialFunding", CW_DSIM_AMOUNT, 20),
                                                      OPT("isPrimary", CW_DSIM_BOOL, 0),
                                                      OPT("schemeCode", CW_DSIM_TEXT, 24),
                                                      END};
static const struct cw_dsim_field ACCOUNTS[] = {
    REQ("entityId", CW_DSIM_TEXT, 50), NEST("accountInfo", CW_DSIM_OBJECTS, CW_DSIM_REQUIRED, ACCOUNT_UPDATE),
    END};
static const struct cw_dsim_field BY_ACCOUNT[] = {REQ("accountNo", CW_DSIM_ACCOUNT, 0), END};
static const struct cw_dsim_field BY_CLEAR_CARD[] = {OPT("cardNumber", CW_DSIM_TEXT, 19), END};

static const struct cw_dsim_field MANAGE_ALL[] = {OPT("mobileNo", CW_DSIM_TEXT, 20),
                                                  OPT("entityId", CW_DSIM_TEXT, 50),
                                                  ONE_OF("operation", CW_DSIM_REQUIRED, BULK_OPERATIONS),
                                                  OPT("reason", CW_DSIM_TEXT, 0),
                                                  OPT("changer", CW_DSIM_TEXT, 64),
                                                  ONE_OF("channel", 0, CHANNELS),
                                                  END};
static const struct cw_dsim_field UPGRADE_INFO[] = {
    OPT("aliasName", CW_DSIM_TEXT, 63), ONE_OF("cardType", 0, CARD_TYPES),
    OPT("plasticCode", CW_DSIM_TEXT, 24), OPT("tierType", CW_DSIM_TEXT, 24), END};
static const struct cw_dsim_field UPGRADE[] = {
    REQ("entityId", CW_DSIM_TEXT, 50), REQ("kitNo", CW_DSIM_TEXT, 39),
    ONE_OF("deliveryAddress", 0, ADDRESS_TYPES), NEST("kitInfo", CW_DSIM_OBJECTS, 0, UPGRADE_INFO), END};
static const struct cw_dsim_field APPLY[] = {REQ("entityId", CW_DSIM_TEXT, 50),
                                             OPT("kitNo", CW_DSIM_TEXT, 39),
                                             ONE_OF("deliveryAddress", 0, ADDRESS_TYPES), END};
static const struct cw_dsim_field TRACK[] = {REQ("kitNo", CW_DSIM_TEXT, 39), END};
static const struct cw_dsim_field MAILER[] = {
    REQ("entityId", CW_DSIM_TEXT, 50), REQ("kitNo", CW_DSIM_TEXT, 39),
    ONE_OF("addressType", CW_DSIM_REQUIRED, ADDRESS_TYPES), REQ("homeCurrencyCode", CW_DSIM_TEXT, 3), END};
static const struct cw_dsim_field TRANSACTIONS[] = {REQ("entityId", CW_DSIM_TEXT, 50),
                                                    OPT("kitNo", CW_DSIM_TEXT, 39),
                                                    OPT("accountNumber", CW_DSIM_ACCOUNT, 0),
                                                    OPT("startDate", CW_DSIM_DAY, 0),
                                                    OPT("endDate", CW_DSIM_DAY, 0),
                                                    ONE_OF("transactionChannel", 0, TXN_CHANNELS),
                                                    OPT("responseCode", CW_DSIM_TEXT, 8),
                                                    OPT("page", CW_DSIM_INT, 0),
                                                    OPT("size", CW_DSIM_INT, 0),
                                                    END};

static const struct cw_dsim_field CHECK_CARD[] = {
    REQ("cardNoLastSix", CW_DSIM_TEXT, 6), REQ("entityId", CW_DSIM_TEXT, 50),
    REQ("expiryDate", CW_DSIM_MMYY, 0), REQ("mobileNo", CW_DSIM_TEXT, 20), END};
static const struct cw_dsim_field CHECK_ENDING[] = {
    REQ("pin", CW_DSIM_TEXT, 0),       REQ("expiryDate", CW_DSIM_MMYY, 0),
    REQ("mobileNo", CW_DSIM_TEXT, 20), REQ("cardNoLastSix", CW_DSIM_TEXT, 6),
    REQ("cvv", CW_DSIM_TEXT, 4),       END};
/* Without the CVV. */
static const struct cw_dsim_field CHECK_ENDING_V2[] = {
    REQ("pin", CW_DSIM_TEXT, 0), REQ("expiryDate", CW_DSIM_MMYY, 0), REQ("mobileNo", CW_DSIM_TEXT, 20),
    REQ("cardNoLastSix", CW_DSIM_TEXT, 6), END};

static const struct cw_dsim_field KIT_OF[] = {REQ("entityId", CW_DSIM_TEXT, 50),
                                              REQ("kitNo", CW_DSIM_TEXT, 39), END};
static const struct cw_dsim_field PREFERENCES[] = {REQ("entityId", CW_DSIM_TEXT, 50),
                                                   REQ("kitNo", CW_DSIM_TEXT, 39),
                                                   REQ("domestic", CW_DSIM_FREE, 0),
                                                   REQ("international", CW_DSIM_FREE, 0),
                                                   OPT("dynamicAuth", CW_DSIM_FREE, 0),
                                                   OPT("swipeToPay", CW_DSIM_FREE, 0),
                                                   END};
static const struct cw_dsim_field OPT_IN[] = {
    REQ("entityId", CW_DSIM_TEXT, 50), REQ("kitNo", CW_DSIM_TEXT, 39),
    REQ("optedIn", CW_DSIM_BOOL, 0),   OPT("channel", CW_DSIM_TEXT, 24),
    OPT("creator", CW_DSIM_TEXT, 64),  OPT("changer", CW_DSIM_TEXT, 64),
    OPT("approver", CW_DSIM_TEXT, 64), END};
static const struct cw_dsim_field AUTO_RELOAD[] = {REQ("enabled", CW_DSIM_BOOL, 0),
                                                   OPT("threshold", CW_DSIM_INT, 0),
                                                   OPT("loadAmount", CW_DSIM_INT, 0), END};
static const struct cw_dsim_field NCMC[] = {
    REQ("entityId", CW_DSIM_TEXT, 50),    REQ("kitNo", CW_DSIM_TEXT, 39),
    OPT("accountNo", CW_DSIM_ACCOUNT, 0), NEST("autoReload", CW_DSIM_OBJECT, 0, AUTO_RELOAD),
    OPT("channel", CW_DSIM_TEXT, 24),     OPT("creator", CW_DSIM_TEXT, 64),
    OPT("changer", CW_DSIM_TEXT, 64),     END};
/* txnId is taken out of the body with requestId before the fields are checked. */
static const struct cw_dsim_field LOAD[] = {REQ("kitNo", CW_DSIM_TEXT, 39), REQ("entityId", CW_DSIM_TEXT, 50),
                                            ONE_OF("walletType", CW_DSIM_REQUIRED, WALLETS),
                                            REQ("amount", CW_DSIM_AMOUNT, 20), END};
static const struct cw_dsim_field WALLET[] = {REQ("kitNo", CW_DSIM_TEXT, 39),
                                              REQ("entityId", CW_DSIM_TEXT, 50),
                                              ONE_OF("walletType", CW_DSIM_REQUIRED, WALLETS), END};
static const struct cw_dsim_field WALLET_HISTORY[] = {REQ("kitNo", CW_DSIM_TEXT, 39),
                                                      REQ("entityId", CW_DSIM_TEXT, 50),
                                                      ONE_OF("walletType", CW_DSIM_REQUIRED, WALLETS),
                                                      OPT("startDate", CW_DSIM_DAY, 0),
                                                      OPT("endDate", CW_DSIM_DAY, 0),
                                                      OPT("isSuccessTransaction", CW_DSIM_BOOL, 0),
                                                      END};

#define BRANCH_FIELDS(need)                                                                                  \
        {"branchCode", CW_DSIM_TEXT, need, 64, NULL, NULL},                                                  \
            {"branchName", CW_DSIM_TEXT, need, 0, NULL, NULL},                                               \
            {"address", CW_DSIM_TEXT, need, 0, NULL, NULL}, {"address2", CW_DSIM_TEXT, need, 0, NULL, NULL}, \
            {"address3", CW_DSIM_TEXT, need, 0, NULL, NULL}, {"city", CW_DSIM_TEXT, need, 0, NULL, NULL},    \
            {"state", CW_DSIM_TEXT, need, 0, NULL, NULL}, {"country", CW_DSIM_TEXT, need, 0, NULL, NULL},    \
            {"district", CW_DSIM_TEXT, need, 0, NULL, NULL},                                                 \
            {"zipCode", CW_DSIM_TEXT, need, 16, NULL, NULL},                                                 \
            {"branchPhoneNumber", CW_DSIM_TEXT, need, 20, NULL, NULL},                                       \
            OPT("branchEmailId", CW_DSIM_TEXT, 0), {                                                         \
                "pocDetails", CW_DSIM_FREES, need, 0, NULL, NULL                                             \
        }

static const struct cw_dsim_field BRANCH_CREATE[] = {REQ("branchId", CW_DSIM_TEXT, 63),
                                                     BRANCH_FIELDS(CW_DSIM_REQUIRED),
                                                     OPT("creator", CW_DSIM_TEXT, 64), END};
static const struct cw_dsim_field BRANCH_UPDATE[] = {REQ("branchId", CW_DSIM_TEXT, 63), BRANCH_FIELDS(0),
                                                     OPT("changer", CW_DSIM_TEXT, 64), END};
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
    {"/branch", cw_dsim_branch_create, BRANCH_CREATE, OBJ, EFFECT, CW_DSIM_E_INPUT},
    {"/branch", cw_dsim_branch_update, BRANCH_UPDATE, OBJ, EFFECT | CW_DSIM_PUT, CW_DSIM_E_INPUT},
    {"/viewCustomer", cw_dsim_profile_view, BY_ENTITY, OBJ, 0, CW_DSIM_E_INPUT},
    {"/fetchByCif", cw_dsim_profile_by_cif, BY_ENTITY, OBJ, 0, CW_DSIM_E_INPUT},
    {"/v2/fetchByCif", cw_dsim_profile_by_cif_v2, BY_ENTITY, OBJ, 0, CW_DSIM_E_INPUT},
    {"/fetchCifByMaskedCard", cw_dsim_profile_by_masked, MASKED_CARD, OBJ, 0, CW_DSIM_E_INPUT},
    {"/update-manager/poi", cw_dsim_profile_poi, POI, OBJ, EFFECT, CW_DSIM_E_INPUT},
    {"/update-manager/poa", cw_dsim_profile_poa, POA, OBJ, EFFECT, CW_DSIM_E_INPUT},
    {"/update-manager/account", cw_dsim_profile_account, ACCOUNTS, OBJ, EFFECT, CW_DSIM_E_INPUT},
    {"/kit-manager/fetchKitsByAccountNo", cw_dsim_profile_kits_by_account, BY_ACCOUNT, OBJ, CW_DSIM_CARDS_ARG,
     CW_DSIM_E_INPUT},
    {"/accountkitmapping-manager/fetchAccountsByCardNo", cw_dsim_profile_accounts_by_card, BY_CLEAR_CARD, OBJ,
     0, CW_DSIM_E_INPUT},
    {"/account/fetchAccountsByCardNo", cw_dsim_profile_accounts_by_card, BY_CLEAR_CARD, OBJ, 0,
     CW_DSIM_E_INPUT},
    {"/kit-manager/manageAllKits", cw_dsim_cardops_manage_all, MANAGE_ALL, OBJ, EFFECT, CW_DSIM_E_INPUT},
    {"/kit-manager/upgradeCard", cw_dsim_cardops_upgrade, UPGRADE, OBJ, EFFECT, CW_DSIM_E_INPUT},
    {"/kit-manager/applyForCard", cw_dsim_cardops_apply, APPLY, OBJ, EFFECT, CW_DSIM_E_INPUT},
    {"/kit-manager/kitTracking", cw_dsim_cardops_track, TRACK, OBJ, 0, CW_DSIM_E_INPUT},
    {"/kit-manager/regeneratePinMailer", cw_dsim_cardops_mailer, MAILER, OBJ, EFFECT, CW_DSIM_E_INPUT},
    {"/kit-manager/fetchTransaction", cw_dsim_cardops_transactions, TRANSACTIONS, OBJ, 0, CW_DSIM_E_INPUT},
    {"/kit-manager/validateCard", cw_dsim_cardcheck_card, CHECK_CARD, OBJ, 0, CW_DSIM_E_INPUT},
    {"/kit-manager/validateCardEnding", cw_dsim_cardcheck_ending_v1, CHECK_ENDING, OBJ, EFFECT,
     CW_DSIM_E_INPUT},
    {"/kit-manager/v2/validateCardEnding", cw_dsim_cardcheck_ending_v2, CHECK_ENDING_V2, OBJ, EFFECT,
     CW_DSIM_E_INPUT},
    {"/preference/set", cw_dsim_preference_set, PREFERENCES, OBJ, EFFECT, CW_DSIM_E_INPUT},
    {"/preference/fetch", cw_dsim_preference_fetch, KIT_OF, OBJ, 0, CW_DSIM_E_INPUT},
    {"/preference/*/optIn", cw_dsim_preference_opt_in, OPT_IN, OBJ, EFFECT, CW_DSIM_E_INPUT},
    {"/ncmc/preference/set", cw_dsim_ncmc_set, NCMC, OBJ, EFFECT, CW_DSIM_E_INPUT},
    {"/ncmc/preference/fetch", cw_dsim_ncmc_fetch, KIT_OF, OBJ, 0, CW_DSIM_E_INPUT},
    {"/wallet/load", cw_dsim_wallet_load, LOAD, OBJ, EFFECT, CW_DSIM_E_INPUT},
    {"/wallet/fetch/balance", cw_dsim_wallet_balance, WALLET, OBJ, 0, CW_DSIM_E_INPUT},
    {"/wallet/fetch/services", cw_dsim_wallet_services, WALLET, OBJ, 0, CW_DSIM_E_INPUT},
    {"/wallet/fetch/authnt/transaction", cw_dsim_wallet_authnt, WALLET_HISTORY, OBJ, 0, CW_DSIM_E_INPUT},
    {"/wallet/fetch/ledger/transaction", cw_dsim_wallet_ledger, WALLET_HISTORY, OBJ, 0, CW_DSIM_E_INPUT},
    {NULL, NULL, NULL, OBJ, 0, CW_DSIM_E_INPUT},
};

/* A star takes one segment of letters, digits, '-' and '_'. */
static bool path_fits(const char *pattern, const char *path, char segment[CW_DSIM_SEGMENT_MAX + 1]) {
        static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        const char *star = strchr(pattern, '*');
        segment[0] = '\0';
        if (!star || strcmp(pattern, path) == 0)
                return strcmp(pattern, path) == 0;
        size_t head = (size_t)(star - pattern);
        if (strncmp(pattern, path, head) != 0)
                return false;
        size_t len = strspn(path + head, allowed);
        if (len == 0 || len > CW_DSIM_SEGMENT_MAX || strcmp(star + 1, path + head + len) != 0)
                return false;
        memcpy(segment, path + head, len);
        segment[len] = '\0';
        return true;
}

const struct cw_dsim_endpoint *cw_dsim_endpoint_find(const char *path, const char *method,
                                                     char ret_segment[CW_DSIM_SEGMENT_MAX + 1]) {
        const struct cw_dsim_endpoint *other = NULL;
        char segment[CW_DSIM_SEGMENT_MAX + 1];
        for (const struct cw_dsim_endpoint *e = ENDPOINTS; e->path; e++) {
                if (!path_fits(e->path, path, segment))
                        continue;
                if (ret_segment)
                        memcpy(ret_segment, segment, sizeof segment);
                if (!method || strcmp(method, e->flags & CW_DSIM_PUT ? "PUT" : "POST") == 0)
                        return e;
                other = e;
        }
        return other;
}

const struct cw_dsim_endpoint *cw_dsim_endpoint_list(void) {
        return ENDPOINTS;
}
