# SPDX-License-Identifier: Apache-2.0
# Unit, integration and fuzz tests of the HSM side.
find_package(OpenSSL REQUIRED)
set(unit ${CMAKE_SOURCE_DIR}/tests/unit)
set(hsmd ${CMAKE_SOURCE_DIR}/tests/integration/hsmd)

add_library(cw_hsm_soft STATIC ${unit}/test_hsm_soft.c)
target_link_libraries(cw_hsm_soft PUBLIC cw_hsm OpenSSL::Crypto PRIVATE cw_flags)

add_library(cw_hsm_sess_rig STATIC ${unit}/test_hsm_sess_rig.c)
target_link_libraries(cw_hsm_sess_rig PUBLIC cw_hsm_soft PRIVATE cw_flags)

foreach(name ledger pin card algorithms scheme)
        cw_add_test(test_hsm_${name} SOURCES ${unit}/test_hsm_${name}.c LABELS unit LIBS cw_hsm cw_hsm_soft)
endforeach()
cw_add_test(test_hsm_rsa SOURCES ${unit}/test_hsm_rsa.c ${hsmd}/issuer.c LABELS unit LIBS cw_hsm_sess_rig)
cw_add_test(test_hsm_client SOURCES ${unit}/test_hsm_client.c LABELS unit LIBS cw_hsm_client)
cw_add_test(test_hsm_session SOURCES ${unit}/test_hsm_session.c LABELS unit LIBS cw_hsm_sess_rig)
foreach(name vectors keyblock scp)
        cw_add_test(test_hsm_${name} SOURCES ${unit}/test_hsm_${name}.c LABELS unit LIBS cw_hsm cw_hsm_soft)
        target_compile_definitions(test_hsm_${name} PRIVATE CW_VECTORS="${CMAKE_SOURCE_DIR}/tests/vectors")
endforeach()

# Modules of the multiarch folder.
pkg_get_variable(P11_MODULES p11-kit-1 p11_module_path)
get_filename_component(multiarch_dir "${P11_MODULES}" DIRECTORY)

# A running daemon on a private SoftHSM token. The counterparts share no cipher or codec with it.
set(hostile ${CMAKE_SOURCE_DIR}/tests/hostile)
add_library(cw_hostile_module MODULE ${hostile}/hostile_module.c)
target_include_directories(cw_hostile_module PRIVATE ${P11KIT_INCLUDE_DIRS})
target_compile_definitions(cw_hostile_module PRIVATE CW_REAL_MODULE="/usr/lib/softhsm/libsofthsm2.so")
# Without cw_flags: p11-kit server loads it too, and has no sanitizer runtime.
target_compile_options(cw_hostile_module PRIVATE -std=gnu17 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Wshadow -Wconversion
        -Werror -fvisibility=hidden)
set_target_properties(cw_hostile_module PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/hsm)

add_library(cw_test_opencryptoki STATIC ${CMAKE_SOURCE_DIR}/tests/vectors/opencryptoki.c)
target_link_libraries(cw_test_opencryptoki PRIVATE cw_flags)
target_include_directories(cw_test_opencryptoki PUBLIC ${CMAKE_SOURCE_DIR}/tests/vectors)
add_library(cw_test_hsmd_rig STATIC ${hsmd}/rig.c ${hsmd}/ossl.c ${hsmd}/card.c ${hsmd}/issuer.c)
target_link_libraries(cw_test_hsmd_rig PUBLIC cw_hsm_client cw_base OpenSSL::Crypto cmocka
        PRIVATE cw_flags cw_test_opencryptoki)
target_include_directories(cw_test_hsmd_rig PUBLIC ${hsmd})
target_compile_definitions(cw_test_hsmd_rig PRIVATE CW_HSMD="$<TARGET_FILE:cardwright-hsmd>"
        CW_PROVISION="$<TARGET_FILE:cardwright-hsm-provision>" CW_SHIM_MODULE="$<TARGET_FILE:cw_hostile_module>"
        CW_NSS_MODULE="${multiarch_dir}/libsoftokn3.so"
        CW_OPENCRYPTOKI_MODULE="${multiarch_dir}/opencryptoki/libopencryptoki.so.0")
add_dependencies(cw_test_hsmd_rig cardwright-hsmd cardwright-hsm-provision cw_hostile_module)
foreach(name issue icc service pad kiosk rotation faults stall memory)
        cw_add_test(test_hsmd_${name} SOURCES ${hsmd}/test_hsmd_${name}.c LABELS integration LIBS cw_test_hsmd_rig
                TIMEOUT 600)
endforeach()
target_include_directories(test_hsmd_memory PRIVATE ${CMAKE_SOURCE_DIR}/tests)
if(CW_SANITIZE)
        target_compile_definitions(test_hsmd_memory PRIVATE CW_SANITIZED)
endif()

cw_add_test(test_hsm_hostile SOURCES ${hostile}/test_hsm_hostile.c LABELS integration LIBS cw_test_hsmd_rig cw_hsm TIMEOUT 300)
target_include_directories(test_hsm_hostile PRIVATE ${hostile})
if(CW_SANITIZE)
        target_compile_definitions(test_hsm_hostile PRIVATE CW_SANITIZED)
endif()

# A running daemon on one private token of each kind: published vectors, and what it found out about the token.
add_library(cw_test_vector_token STATIC ${CMAKE_SOURCE_DIR}/tests/vectors/vector_token.c)
target_link_libraries(cw_test_vector_token PUBLIC cw_base PRIVATE cw_flags cw_test_opencryptoki)
target_include_directories(cw_test_vector_token PUBLIC ${CMAKE_SOURCE_DIR}/tests/vectors)
target_compile_definitions(cw_test_vector_token PRIVATE CW_HSMD="$<TARGET_FILE:cardwright-hsmd>"
        CW_HOSTILE_MODULE="$<TARGET_FILE:cw_hostile_module>" CW_P11KIT_CLIENT="${P11_MODULES}/p11-kit-client.so"
        CW_NSS_MODULE="${multiarch_dir}/libsoftokn3.so"
        CW_OPENCRYPTOKI_MODULE="${multiarch_dir}/opencryptoki/libopencryptoki.so.0")
add_dependencies(cw_test_vector_token cardwright-hsmd cw_hostile_module)
foreach(name vectors posture)
        add_executable(hsm-${name} ${CMAKE_SOURCE_DIR}/tests/vectors/hsm_${name}.c)
        target_link_libraries(hsm-${name} PRIVATE cw_flags cw_test_vector_token)
        set_target_properties(hsm-${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/vectors)
endforeach()
cw_add_test(test_hsmd_server SOURCES ${hsmd}/test_hsmd_server.c LABELS integration LIBS cw_test_vector_token TIMEOUT 300)
set(vectors ${CMAKE_SOURCE_DIR}/tests/vectors)
foreach(token softhsm nss)
        add_test(NAME hsm_vectors_${token} COMMAND hsm-vectors --token ${token} ${vectors}/hsm.json)
        set_tests_properties(hsm_vectors_${token} PROPERTIES LABELS integration TIMEOUT 300
                PASS_REGULAR_EXPRESSION "[1-9][0-9]* passed, 0 failed, 0 skipped")
endforeach()
# The posture of each token, and of each behind a network, as reference files.
foreach(token softhsm nss opencryptoki)
        foreach(place "" _server)
                string(REPLACE "_" "--" server "${place}")
                add_test(NAME hsm_posture_${token}${place}
                        COMMAND hsm-posture ${server} --token ${token} ${vectors}/posture/${token}${place}.json)
                set_tests_properties(hsm_posture_${token}${place} PROPERTIES LABELS integration TIMEOUT 300
                        PASS_REGULAR_EXPRESSION "^0 differences")
                if(token STREQUAL opencryptoki)
                        set_tests_properties(hsm_posture_${token}${place} PROPERTIES SKIP_RETURN_CODE 2)
                endif()
        endforeach()
endforeach()
# This token derives no keys: what needs that is skipped, with the reason, unless the policy lets hsmd derive them; it has
# no GCM either. As root only, in namespaces of its own.
add_test(NAME hsm_vectors_opencryptoki COMMAND hsm-vectors --token opencryptoki ${vectors}/hsm.json)
set_tests_properties(hsm_vectors_opencryptoki PROPERTIES LABELS integration TIMEOUT 300 SKIP_RETURN_CODE 2
        PASS_REGULAR_EXPRESSION "205 passed, 0 failed, 110 skipped")
add_test(NAME hsm_vectors_opencryptoki_host COMMAND hsm-vectors --host-memory --token opencryptoki ${vectors}/hsm.json)
set_tests_properties(hsm_vectors_opencryptoki_host PROPERTIES LABELS integration TIMEOUT 300 SKIP_RETURN_CODE 2
        PASS_REGULAR_EXPRESSION "313 passed, 0 failed, 2 skipped")
# Behind a network: p11-kit carries no mechanism with a parameter. CBC is chained by ECB calls, what derives is derived in
# host memory, GCM is skipped with the reason.
foreach(token softhsm nss opencryptoki)
        add_test(NAME hsm_vectors_${token}_server COMMAND hsm-vectors --host-memory --server --token ${token} ${vectors}/hsm.json)
        set_tests_properties(hsm_vectors_${token}_server PROPERTIES LABELS integration TIMEOUT 300
                PASS_REGULAR_EXPRESSION "313 passed, 0 failed, 2 skipped")
endforeach()
set_tests_properties(hsm_vectors_opencryptoki_server PROPERTIES SKIP_RETURN_CODE 2)
# The runner must see what is wrong: one entry is right, four are not, one is of no known algorithm.
add_test(NAME hsm_vectors_runner COMMAND hsm-vectors --token softhsm ${vectors}/runner.json)
set_tests_properties(hsm_vectors_runner PROPERTIES LABELS integration TIMEOUT 300
        PASS_REGULAR_EXPRESSION "there is no algorithm.*1 passed, 4 failed, 1 skipped")

# Entries that nobody published, by an oracle of its own, in lower case, shuffled, changed; and files that are none.
find_program(CW_PYTHON3 NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)
add_test(NAME hsm_vectors_oracle COMMAND ${CW_PYTHON3} -B ${vectors}/oracle/run.py $<TARGET_FILE:hsm-vectors>)
set_tests_properties(hsm_vectors_oracle PROPERTIES LABELS integration TIMEOUT 300)

cw_add_fuzz(hsm_request LIBS cw_hsm_sess_rig)
foreach(name init_update pinblock card_number)
        cw_add_fuzz(hsm_${name} LIBS cw_hsm)
endforeach()
foreach(name keyblock issuer_cert)
        cw_add_fuzz(hsm_${name} LIBS cw_hsm_soft)
        target_include_directories(fuzz_hsm_${name}_regress PRIVATE ${unit})
        if(TARGET fuzz_hsm_${name})
                target_include_directories(fuzz_hsm_${name} PRIVATE ${unit})
        endif()
endforeach()

# Key management: without a token, by the command on running daemons, and what outsiders may give it.
cw_add_test(test_hsm_keys SOURCES ${unit}/test_hsm_keys.c LABELS unit LIBS cw_hsm cw_hsm_soft)
cw_add_fuzz(hsm_key_files LIBS cw_hsm)
cw_add_fuzz(hsm_component LIBS cw_hsm_soft)
target_include_directories(fuzz_hsm_component_regress PRIVATE ${unit})
if(TARGET fuzz_hsm_component)
        target_include_directories(fuzz_hsm_component PRIVATE ${unit})
endif()
# Custodians are other users of this machine: as root only.
add_executable(opencryptoki-run ${CMAKE_SOURCE_DIR}/tests/vectors/opencryptoki_run.c)
target_link_libraries(opencryptoki-run PRIVATE cw_flags cw_test_opencryptoki)
set_target_properties(opencryptoki-run PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/vectors)
set(run_Opencryptoki opencryptoki-run ${multiarch_dir}/opencryptoki/libopencryptoki.so.0)
foreach(kind SoftHsm Nss Opencryptoki)
        string(TOLOWER ${kind} token)
        add_test(NAME hsmd_keys_${token} COMMAND ${run_${kind}} ${CW_PYTHON3} -B -W error ${hsmd}/test_keys.py ${kind})
        set(env "CW_HSMD=$<TARGET_FILE:cardwright-hsmd>;CW_PROVISION=$<TARGET_FILE:cardwright-hsm-provision>")
        set_tests_properties(hsmd_keys_${token} PROPERTIES LABELS integration TIMEOUT 300 SKIP_RETURN_CODE 77
                ENVIRONMENT "${env};CW_CLI=$<TARGET_FILE:cardwright>;CW_AGENT=$<TARGET_FILE:cardwrightd>;CW_NSS_MODULE=${multiarch_dir}/libsoftokn3.so;CW_OPENCRYPTOKI_MODULE=${multiarch_dir}/opencryptoki/libopencryptoki.so.0")
endforeach()

cw_add_test(test_hsm_d1 SOURCES ${CMAKE_SOURCE_DIR}/tests/unit/test_hsm_d1.c LABELS unit LIBS cw_hsm)
cw_add_fuzz(hsm_jwe LIBS cw_hsm)
