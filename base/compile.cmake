# SPDX-License-Identifier: Apache-2.0
# Warnings, hardening and sanitizers, the same for every target.

add_library(cw_flags INTERFACE)

target_compile_options(cw_flags INTERFACE
        -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wsign-conversion -Wformat=2
        -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wvla -Wundef -Wcast-qual
        -Wwrite-strings -Wpointer-arith -Wimplicit-fallthrough -Walloca -Wdate-time
        -fvisibility=hidden -fno-strict-aliasing -fno-delete-null-pointer-checks -fno-strict-overflow
        -fstack-protector-strong -fstack-clash-protection -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
        target_compile_options(cw_flags INTERFACE
                -Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wtrampolines
                -Wjump-misses-init -ftrivial-auto-var-init=zero
                # snprintf cuts what does not fit: where that matters the return value is looked at.
                -Wno-format-truncation)
endif()
if(CMAKE_C_COMPILER_ID MATCHES "Clang")
        # gnu17 allows it: cw_log(EVENT) without fields. A long string in a table may stand on two lines.
        target_compile_options(cw_flags INTERFACE -Wno-gnu-zero-variadic-macro-arguments -Wno-string-concatenation)
endif()
target_compile_definitions(cw_flags INTERFACE _GNU_SOURCE CW_VERSION="${PROJECT_VERSION}")
target_include_directories(cw_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_link_options(cw_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed)

if(CW_SANITIZE)
        target_compile_options(cw_flags INTERFACE
                -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
        target_link_options(cw_flags INTERFACE -fsanitize=address,undefined)
else()
        target_compile_options(cw_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
        target_compile_options(cw_flags INTERFACE -fcf-protection=full)
endif()
if(CW_FAILPOINTS)
        target_compile_definitions(cw_flags INTERFACE CW_FAILPOINTS=1)
endif()
if(CW_LIBFUZZER)
        target_compile_options(cw_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# hsmd's calls are short beside the token's, so that the compiler sees the program as a whole (link-time optimisation).
# The same libraries carry plain objects as well, for everybody else.
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND NOT (CW_SANITIZE OR CW_FAILPOINTS OR CW_LIBFUZZER))
        set(CW_WHOLE_PROGRAM ON)
        target_link_options(cw_flags INTERFACE
                $<IF:$<BOOL:$<TARGET_PROPERTY:CW_WHOLE_PROGRAM>>,-flto=auto,-fno-lto>)
endif()

# A library whose objects a program may see through.
function(cw_open_library target)
        if(CW_WHOLE_PROGRAM)
                target_compile_options(${target} PRIVATE -flto=auto -ffat-lto-objects)
        endif()
endfunction()

# A program that does.
function(cw_whole_program target)
        if(CW_WHOLE_PROGRAM)
                target_compile_options(${target} PRIVATE -flto=auto)
                set_target_properties(${target} PROPERTIES CW_WHOLE_PROGRAM ON)
        endif()
endfunction()
