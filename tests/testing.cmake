# SPDX-License-Identifier: Apache-2.0
# cw_add_test and cw_add_fuzz, for the CMakeLists.txt of the folder that owns the code under test.

# test_programs builds what unit, contract, fuzz-regress and fault tests run: all that a sanitizer build is for.
add_custom_target(test_programs)

# cw_add_test(name SOURCES file... LABELS label... LIBS target... [RUNS word...]): a cmocka program that ctest runs, once for each
# word, which is its argument then.
function(cw_add_test name)
        if(NOT CW_TESTS)
                return()
        endif()
        cmake_parse_arguments(T "" "TIMEOUT" "SOURCES;LABELS;LIBS;RUNS" ${ARGN})
        add_executable(${name} ${T_SOURCES})
        target_link_libraries(${name} PRIVATE cw_flags ${T_LIBS} cmocka)
        set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/unit)
        set(tests ${name})
        if(T_RUNS)
                list(TRANSFORM T_RUNS PREPEND ${name}_ OUTPUT_VARIABLE tests)
                foreach(run IN LISTS T_RUNS)
                        add_test(NAME ${name}_${run} COMMAND ${name} ${run})
                endforeach()
        else()
                add_test(NAME ${name} COMMAND ${name})
        endif()
        if(NOT "integration" IN_LIST T_LABELS)
                add_dependencies(test_programs ${name})
        endif()
        set_tests_properties(${tests} PROPERTIES LABELS "${T_LABELS}" ENVIRONMENT
                "UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1;ASAN_OPTIONS=detect_leaks=1")
        if(NOT T_TIMEOUT)
                set(T_TIMEOUT 300)
        endif()
        set_tests_properties(${tests} PROPERTIES TIMEOUT ${T_TIMEOUT})
endfunction()

# cw_add_fuzz(name LIBS target...): tests/fuzz/fuzz_<name>.c. With CW_LIBFUZZER a libFuzzer program; always
# a regression test that runs every file of tests/fuzz/corpus/<name>/ once.
function(cw_add_fuzz name)
        if(NOT CW_TESTS)
                return()
        endif()
        cmake_parse_arguments(T "" "" "LIBS" ${ARGN})
        set(source ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_${name}.c)
        set(out ${CMAKE_BINARY_DIR}/tests/fuzz)
        add_executable(fuzz_${name}_regress ${source} ${CMAKE_SOURCE_DIR}/tests/fuzz/regress_main.c)
        target_link_libraries(fuzz_${name}_regress PRIVATE cw_flags ${T_LIBS})
        set_target_properties(fuzz_${name}_regress PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${out})
        add_dependencies(test_programs fuzz_${name}_regress)
        add_test(NAME fuzz_${name} COMMAND fuzz_${name}_regress ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
        set_tests_properties(fuzz_${name} PROPERTIES LABELS fuzz-regress TIMEOUT 300)
        if(CW_LIBFUZZER)
                add_executable(fuzz_${name} ${source})
                target_link_libraries(fuzz_${name} PRIVATE cw_flags ${T_LIBS} -fsanitize=fuzzer)
                set_target_properties(fuzz_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${out})
        endif()
endfunction()
