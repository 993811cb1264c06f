/* hl_library_inspect: what is read from a file, and how each kind of wrong file is refused. No code of a library runs.
 * Rows PD-10, CF-07. */
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "library/library.h"
#include "tests/library/support/fixture.h"

static size_t calls;

static void count_call(const hl_library_info *info, void *user)
{
    (void)info;
    (void)user;
    calls++;
}

static hl_status inspect(const char *path)
{
    return hl_library_inspect(path, count_call, NULL);
}

static void refuse(const char *path, hl_status wanted, const char *field, const char *words)
{
    holdings before = holdings_now();

    calls = 0;
    expect_status(inspect(path), wanted, field, words);
    assert_string_equal(hl_last_error()->action, "inspect library");
    assert_int_equal(calls, 0);
    expect_same_holdings(&before);
}

static const char *good(void)
{
    return fixture_plugin("good.so", "", "");
}

/* A copy of the good library with some bytes changed. */
static const char *patched(const char *name, size_t offset, const void *bytes, size_t bytes_len)
{
    size_t len;
    unsigned char *file = fixture_read(good(), &len);
    const char *path;

    assert_true(offset + bytes_len <= len);
    memcpy(file + offset, bytes, bytes_len);
    path = fixture_write(name, file, len);
    free(file);
    return path;
}

static const char *with_entry(const char *name, const char *entry)
{
    char source[4096];

    snprintf(source, sizeof(source),
             "#include <hookline/plugin.h>\n"
             "static hl_reply call(void *a, void *b, const void *c) { (void)a; (void)c; return hl_next(b); }\n%s\n",
             entry);
    return fixture_build(name, source, "");
}

/* ---- what is read ---------------------------------------------------------------------------------------------- */

static void check_good(const hl_library_info *info, void *user)
{
    const hl_plugin_spec *specs = info->specs;

    assert_string_equal(info->path, (const char *)user);
    assert_string_equal(info->name, "both");
    assert_string_equal(info->version, "1.2.3");
    assert_int_equal(info->abi, HL_ABI);
    assert_int_equal(info->specs_len, 2);
    assert_string_equal(specs[0].name, "one");
    assert_string_equal(specs[0].event, "first");
    assert_string_equal(specs[0].extension, "both");
    assert_null(specs[0].depends);
    assert_null(specs[0].extra);
    assert_int_equal(specs[0].priority, HL_PRIORITY_DEFAULT);
    assert_string_equal(specs[1].name, "two");
    assert_string_equal(specs[1].depends[0], "one");
    assert_string_equal(specs[1].depends[1], "other");
    assert_null(specs[1].depends[2]);
    assert_string_equal(specs[1].extra, "some text");
    assert_int_equal(specs[1].priority, 7);
    assert_true(specs[1].call == NULL && specs[1].self == NULL);
    calls++;
}

static void everything_a_library_says_is_read_without_loading_it(void **state)
{
    const char *path =
        fixture_plugin("abort-read.so", "__attribute__((constructor)) static void die(void) { abort(); }", "");
    holdings before = holdings_now();

    (void)state;
    calls = 0;
    expect_status(hl_library_inspect(path, check_good, (void *)path), HL_OK, "", "");
    assert_int_equal(calls, 1);
    expect_same_holdings(&before);
}

static void check_twice(const char *name, const char *flags)
{
    const char *path = fixture_plugin(name, "", flags);

    expect_status(hl_library_inspect(path, check_good, (void *)path), HL_OK, "", "");
}

static void every_way_of_linking_is_read_alike(void **state)
{
    (void)state;
    check_twice("sysv.so", "-Wl,--hash-style=sysv");
    check_twice("gnu.so", "-Wl,--hash-style=gnu");
    check_twice("bsymbolic.so", "-Wl,-Bsymbolic -Wl,-z,now");
    check_twice("stripped.so", "-s");
    check_twice("optimised.so", "-O2 -fno-plt");
}

static void packed_relocations_are_read(void **state)
{
    (void)state;
    if (!fixture_try_build("relr-check.so", "int hookline_nothing;",
                           "-Wl,-z,pack-relative-relocs -Wl,--fatal-warnings"))
        skip();
    check_twice("relr.so", "-Wl,-z,pack-relative-relocs");
}

/* Records that refer to exported symbols are filled by symbol relocations, not relative ones. */
static void records_behind_exported_symbols_are_read(void **state)
{
    const char *path =
        with_entry("symbols.so",
                   "HL_API const char *const names[] = {\"zero\", NULL}; HL_API const char text[] = \"xone\";\n"
                   "HL_API const hl_plugin_spec specs[] = {{.size = sizeof(hl_plugin_spec),\n"
                   ".name = text + 1, .event = \"e\", .call = call, .depends = names}};\n"
                   "HL_PLUGIN_LIBRARY(\"symbols\", \"1\", specs)");
    hl__library_file *file = NULL;

    (void)state;
    expect_status(hl__library_read(path, &file), HL_OK, "", "");
    assert_string_equal(hl__library_info(file)->specs[0].name, "one");
    assert_string_equal(hl__library_info(file)->specs[0].depends[0], "zero");
    hl__library_file_free(file);
}

static void check_contract(const hl_library_info *info, void *user)
{
    const hl_contract *contract = info->specs[0].contract;

    (void)user;
    assert_non_null(contract);
    assert_string_equal(contract->type, "struct point");
    assert_int_equal(contract->state_size, 12);
    assert_int_equal(contract->fields_len, 2);
    assert_string_equal(contract->fields[1].name, "z");
    assert_string_equal(contract->fields[1].type, "char");
    assert_int_equal(contract->fields[1].offset, 8);
    assert_int_equal(contract->fields[1].size, 1);
    assert_ptr_equal(info->specs[1].contract, contract);
    calls++;
}

#define TYPED_SOURCE                                                                                                    \
    "#include <hookline/typed.h>\n"                                                                                     \
    "struct point { int x; int y; char z; };\n"                                                                         \
    "HL_TYPED_EVENT(point, \"point\", struct point, HL_FIELD(struct point, int, x), HL_FIELD(struct point, char, z))\n" \
    "static hl_reply move(void *self, struct point *at, const void *meta)\n"                                            \
    "{ (void)self; (void)meta; at->x++; return hl_next(at); }\n"                                                        \
    "HL_TYPED_PLUGIN(point, move)\n"                                                                                    \
    "static const hl_plugin_spec specs[] = {\n"                                                                         \
    "HL_TYPED_PLUGIN_INIT(\"m1\", point, move), HL_TYPED_PLUGIN_INIT(\"m2\", point, move)};\n"                          \
    "HL_PLUGIN_LIBRARY(\"typed\", \"2.0.0\", specs)\n"

static void contracts_of_c_and_cxx_libraries_are_read(void **state)
{
    (void)state;
    calls = 0;
    expect_status(hl_library_inspect(fixture_build("typed.so", TYPED_SOURCE, ""), check_contract, NULL), HL_OK, "", "");
    expect_status(hl_library_inspect(fixture_build("typed.cc.so", TYPED_SOURCE, ""), check_contract, NULL), HL_OK, "",
                  "");
    assert_int_equal(calls, 2);
}

static void a_relative_path_is_made_absolute(void **state)
{
    char folder[4096];
    char *slash;
    hl__library_file *file = NULL;
    char before[4096];

    (void)state;
    assert_non_null(getcwd(before, sizeof(before)));
    snprintf(folder, sizeof(folder), "%s", good());
    slash = strrchr(folder, '/');
    *slash = '\0';
    assert_int_equal(chdir(folder), 0);
    expect_status(hl__library_read("good.so", &file), HL_OK, "", "");
    assert_string_equal(hl__library_info(file)->path, good());
    hl__library_file_free(file);
    assert_int_equal(chdir(before), 0);
}

static void the_stamp_changes_with_the_file(void **state)
{
    hl__library_file *first = NULL;
    hl__library_file *second = NULL;
    const char *path = patched("stamp.so", 0, "\177", 1);
    struct timespec later[2] = {{0, UTIME_OMIT}, {1000000000, 5}};

    (void)state;
    expect_status(hl__library_read(path, &first), HL_OK, "", "");
    expect_status(hl__library_read(path, &second), HL_OK, "", "");
    assert_string_equal(hl__library_stamp(first), hl__library_stamp(second));
    hl__library_file_free(second);
    assert_int_equal(utimensat(AT_FDCWD, path, later, 0), 0);
    expect_status(hl__library_read(path, &second), HL_OK, "", "");
    assert_string_not_equal(hl__library_stamp(first), hl__library_stamp(second));
    assert_non_null(strstr(hl__library_stamp(second), ":1000000000000000005"));
    hl__library_file_free(first);
    hl__library_file_free(second);
}

/* ---- what is no library ---------------------------------------------------------------------------------------- */

static void files_that_are_no_shared_object_are_refused(void **state)
{
    (void)state;
    refuse(fixture_write("empty.so", "", 0), HL_ERR_NOT_ELF, "path", "is empty");
    refuse(fixture_write("text.so", "#!/bin/sh\n", 10), HL_ERR_NOT_ELF, "path", "not an ELF file");
    refuse(fixture_write("short.so", "\177EL", 3), HL_ERR_NOT_ELF, "path", "not an ELF file");
    refuse(fixture_write("magic.so", "\177ELF", 4), HL_ERR_TRUNCATED, "ELF header", "ends at byte 4");
}

static void what_is_no_regular_file_is_refused_without_waiting(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    refuse(fixture_path("."), HL_ERR_NOT_ELF, "path", "a folder");
    assert_int_equal(mkfifo(fixture_path("pipe.so"), 0600), 0);
    refuse(fixture_path("pipe.so"), HL_ERR_NOT_ELF, "path", "a pipe");
    refuse("/dev/null", HL_ERR_NOT_ELF, "path", "a device");
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", fixture_path("socket.so"));
    assert_int_equal(bind(server, (struct sockaddr *)&address, sizeof(address)), 0);
    refuse(fixture_path("socket.so"), HL_ERR_NOT_ELF, "path", "a device or a socket");
    close(server);
}

static void missing_files_are_not_found(void **state)
{
    char below[300];

    (void)state;
    refuse(fixture_path("nothing.so"), HL_ERR_NOT_FOUND, "path", "There is no file");
    snprintf(below, sizeof(below), "%s/below", good());
    refuse(below, HL_ERR_NOT_FOUND, "path", "There is no file");
    refuse("", HL_ERR_INVALID, "path", "empty");
    refuse(NULL, HL_ERR_INVALID, "path", "empty");
}

static void a_path_that_is_too_long_is_refused(void **state)
{
    char path[5000];

    (void)state;
    memset(path, 'a', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    refuse(path, HL_ERR_INVALID, "path", "4096 bytes or more");
}

static void a_file_that_is_too_large_is_refused_unread(void **state)
{
    const char *path = fixture_write("large.so", "\177ELF", 4);

    (void)state;
    assert_int_equal(truncate(path, (off_t)513 << 20), 0);
    refuse(path, HL_ERR_LIMIT, "path", "may have 536870912");
}

static void inspect_wants_a_callback(void **state)
{
    (void)state;
    expect_status(hl_library_inspect(good(), NULL, NULL), HL_ERR_INVALID, "callback", "NULL");
}

static void programs_and_object_files_are_refused(void **state)
{
    const char *source = "int main(void) { return 0; }";

    (void)state;
    refuse(fixture_link("pie.so", source, "-fPIE -pie"), HL_ERR_NOT_ELF, "DT_FLAGS_1", "it is a program");
    refuse(fixture_link("no-pie.so", source, "-no-pie"), HL_ERR_NOT_ELF, "e_type", "it is a program");
    refuse(fixture_link("object.so", source, "-c"), HL_ERR_NOT_ELF, "e_type", "it is an object file");
}

static void another_processor_is_refused_naming_both(void **state)
{
    uint16_t arm = EM_ARM;
    uint16_t unknown = 0xfff0;

    (void)state;
    refuse(patched("arm.so", 18, &arm, 2), HL_ERR_ARCHITECTURE, "e_machine", "is built for ARM (machine 40, 64-bit");
    refuse(patched("alien.so", 18, &unknown, 2), HL_ERR_ARCHITECTURE, "e_machine", "unknown processor (machine 65520");
    refuse(patched("class.so", EI_CLASS, "\1", 1), HL_ERR_ARCHITECTURE, "e_machine", "32-bit");
    refuse(patched("order.so", EI_DATA, "\2", 1), HL_ERR_ARCHITECTURE, "e_machine", "big-endian");
}

static void every_cut_of_a_library_is_refused(void **state)
{
    size_t len;
    unsigned char *bytes = fixture_read(good(), &len);

    (void)state;
    for (size_t cut = 64; cut < len; cut += 64) {
        hl_status status = inspect(fixture_write("cut.so", bytes, cut));

        assert_int_equal(status, HL_ERR_TRUNCATED);
        assert_non_null(strstr(hl_last_error()->message, "the file ends at byte"));
    }
    free(bytes);
}

static void headers_that_lie_are_refused(void **state)
{
    uint16_t none = 0;
    uint16_t many = 60000;
    uint64_t far = UINT64_MAX - 8;
    uint16_t core = ET_CORE;

    (void)state;
    refuse(patched("phnum0.so", offsetof(Elf64_Ehdr, e_phnum), &none, 2), HL_ERR_NOT_ELF, "e_phentsize",
           "program headers");
    refuse(patched("phnum.so", offsetof(Elf64_Ehdr, e_phnum), &many, 2), HL_ERR_NOT_ELF, "e_phnum", "too many");
    refuse(patched("phoff.so", offsetof(Elf64_Ehdr, e_phoff), &far, 8), HL_ERR_TRUNCATED, "program header table",
           "begins at byte 18446744073709551607");
    refuse(patched("shoff.so", offsetof(Elf64_Ehdr, e_shoff), &far, 8), HL_ERR_TRUNCATED, "section header table",
           "Copy it again");
    refuse(patched("core.so", offsetof(Elf64_Ehdr, e_type), &core, 2), HL_ERR_NOT_ELF, "e_type", "core dump");
}

/* ---- what is no entry ------------------------------------------------------------------------------------------ */

static void a_library_without_the_entry_is_refused_with_the_remedy(void **state)
{
    (void)state;
    refuse(fixture_build("none.so", "HL_NOTHING_HERE;", "-DHL_NOTHING_HERE='int unrelated'"), HL_ERR_NO_ENTRY,
           "hookline_plugin", "Add HL_PLUGIN_LIBRARY");
    refuse(fixture_build("hidden.so", "__attribute__((visibility(\"hidden\"))) const int hookline_plugin = 48;", ""),
           HL_ERR_NO_ENTRY, "hookline_plugin", "hides it");
    refuse(fixture_build("function.so", "__attribute__((visibility(\"default\"))) void hookline_plugin(void) {}", ""),
           HL_ERR_NO_ENTRY, "hookline_plugin", "no data named");
    refuse(fixture_build("undefined.so", "extern int hookline_plugin; int *use(void) { return &hookline_plugin; }",
                         "-fvisibility=default"),
           HL_ERR_NO_ENTRY, "hookline_plugin", "no data named");
    refuse(fixture_build("bss.so", "__attribute__((visibility(\"default\"))) char hookline_plugin[48];", ""),
           HL_ERR_NO_ENTRY, "hookline_plugin", "constant data");
}

#define SPECS "static const hl_plugin_spec specs[] = {HL_PLUGIN_INIT(\"a\", \"e\", call)};\n"
#define ENTRY(size, abi, name, specs, len)                                                                             \
    "HL_API const hl_plugin_entry hookline_plugin = {" size ", " abi ", " name ", \"1\", " specs ", " len ", 0, 0};\n"

static void another_abi_is_refused_naming_both(void **state)
{
    (void)state;
    refuse(with_entry("abi.so", SPECS ENTRY("sizeof(hl_plugin_entry)", "HL_ABI + 6", "\"n\"", "specs", "1")),
           HL_ERR_ABI, "abi", "is built for Hookline ABI 7, this is ABI 1. Build the library again");
    refuse(with_entry("abi-size.so", SPECS ENTRY("8", "HL_ABI + 6", "\"n\"", "specs", "1")), HL_ERR_ABI, "abi",
           "ABI 7");
}

static void smaller_structs_are_refused(void **state)
{
    (void)state;
    refuse(with_entry("small-entry.so", SPECS ENTRY("40", "HL_ABI", "\"n\"", "specs", "1")), HL_ERR_ABI, "size",
           "is 40 bytes");
    refuse(with_entry("huge-entry.so", SPECS ENTRY("8000", "HL_ABI", "\"n\"", "specs", "1")), HL_ERR_ABI, "size",
           "is 8000 bytes");
    refuse(with_entry("small-spec.so", "static const hl_plugin_spec specs[] = {{.size = 96, .name = \"a\"}};\n" ENTRY(
                                           "sizeof(hl_plugin_entry)", "HL_ABI", "\"n\"", "specs", "1")),
           HL_ERR_ABI, "specs[0].size", "is 96 bytes");
}

static void check_larger(const hl_library_info *info, void *user)
{
    (void)user;
    assert_int_equal(info->specs_len, 2);
    assert_string_equal(info->specs[1].name, "b");
    assert_int_equal(info->specs[1].priority, 9);
    assert_int_equal(info->specs[1].size, sizeof(hl_plugin_spec));
    calls++;
}

/* What a newer header of the same ABI would make. */
#define LARGER                                                                                                         \
    "typedef struct { hl_plugin_spec spec; void *more; int even_more; } larger_spec;\n"                                \
    "static const larger_spec specs[] = {\n"                                                                           \
    "{{.size = sizeof(larger_spec), .name = \"a\", .event = \"e\", .call = call, .priority = 8}, 0, 1},\n"             \
    "{{.size = sizeof(larger_spec), .name = \"b\", .event = \"e\", .call = call, .priority = 9}, 0, 2}};\n"            \
    "typedef struct { hl_plugin_entry entry; void *more[3]; } larger_entry;\n"                                         \
    "HL_API const larger_entry hookline_plugin = {{sizeof(larger_entry), HL_ABI, \"n\", \"1\",\n"                      \
    "(const hl_plugin_spec *)specs, 2, 0, 0}, {0}};\n"

static void larger_structs_of_the_same_abi_are_read(void **state)
{
    (void)state;
    calls = 0;
    expect_status(hl_library_inspect(with_entry("larger.so", LARGER), check_larger, NULL), HL_OK, "", "");
    assert_int_equal(calls, 1);
}

#define LIBRARY "HL_PLUGIN_LIBRARY(\"n\", \"1\", specs)\n"
#define SPEC(fields) "static const hl_plugin_spec specs[] = {{.size = sizeof(hl_plugin_spec), " fields "}};\n" LIBRARY
#define BASE ".name = \"a\", .event = \"e\", .call = call"

static void missing_parts_are_named(void **state)
{
    (void)state;
    refuse(with_entry("no-name.so", SPEC(".event = \"e\", .call = call")), HL_ERR_INVALID, "specs[0].name",
           "is missing");
    refuse(with_entry("no-event.so", SPEC(".name = \"a\", .call = call")), HL_ERR_INVALID, "specs[0].event",
           "is missing");
    refuse(with_entry("no-call.so", SPEC(".name = \"a\", .event = \"e\"")), HL_ERR_INVALID, "specs[0].call",
           "is missing");
    refuse(with_entry("no-library.so", SPECS ENTRY("sizeof(hl_plugin_entry)", "HL_ABI", "0", "specs", "1")),
           HL_ERR_INVALID, "name", "is missing");
    refuse(with_entry("no-specs.so", SPECS ENTRY("sizeof(hl_plugin_entry)", "HL_ABI", "\"n\"", "0", "1")),
           HL_ERR_INVALID, "specs", "is missing");
}

static void counts_are_limited(void **state)
{
    (void)state;
    refuse(with_entry("zero.so", SPECS ENTRY("sizeof(hl_plugin_entry)", "HL_ABI", "\"n\"", "specs", "0")),
           HL_ERR_INVALID, "specs_len", "is 0");
    refuse(with_entry("many.so", SPECS ENTRY("sizeof(hl_plugin_entry)", "HL_ABI", "\"n\"", "specs", "4097")),
           HL_ERR_INVALID, "specs_len", "is 4097");
    refuse(with_entry("wide.so", SPECS ENTRY("sizeof(hl_plugin_entry)", "HL_ABI", "\"n\"", "specs", "(size_t)1 << 60")),
           HL_ERR_INVALID, "specs_len", "1 to 4096");
    refuse(with_entry("depends.so",
                      "static const char *const d[300] = {[0 ... 298] = \"x\"};\n" SPEC(BASE ", .depends = d")),
           HL_ERR_INVALID, "specs[0].depends", "more than 255");
    refuse(
        with_entry(
            "fields.so",
            "static const hl_field f[1]; static const hl_contract c = {sizeof(hl_contract), \"t\", 0, f, 1025};\n" SPEC(
                BASE ", .contract = &c")),
        HL_ERR_INVALID, "specs[0].contract.fields", "at most 1024");
    refuse(with_entry("long.so", "static const char l[300] = {[0 ... 298] = 'x'};\n" SPEC(
                                     ".name = l, .event = \"e\", .call = call")),
           HL_ERR_INVALID, "specs[0].name", "at most 255");
}

/* 4,096 plugins that all carry the same 64 KiB text. */
static void what_is_copied_is_limited_as_a_whole(void **state)
{
    (void)state;
    refuse(with_entry("bomb.so",
                      "static const char text[60000] = {[0 ... 59998] = 'x'};\n"
                      "static const hl_plugin_spec specs[] = {[0 ... 4095] = {.size = sizeof(hl_plugin_spec),\n" BASE
                      ", .extra = text}};\n" LIBRARY),
           HL_ERR_LIMIT, "specs[271].extra", "over 16777216 bytes");
}

static void pointers_that_are_no_constant_data_are_refused(void **state)
{
    (void)state;
    refuse(with_entry("number.so", SPEC(".name = (const char *)0x1234, .event = \"e\", .call = call")), HL_ERR_INVALID,
           "specs[0].name", "is a number");
    refuse(with_entry("elsewhere.so",
                      "extern const char elsewhere[];\n" SPEC(".name = elsewhere, .event = \"e\", .call = call")),
           HL_ERR_INVALID, "specs[0].name", "another library");
    refuse(with_entry("bss-name.so", "static char made[16]; void fill(void) { made[0] = 'x'; }\n" SPEC(
                                         ".name = made, .event = \"e\", .call = call")),
           HL_ERR_INVALID, "specs[0].name", "no content in the file");
}

static void a_wrong_contract_is_told_by_field(void **state)
{
    (void)state;
    refuse(with_entry("contract-size.so",
                      "static const hl_contract c = {8, \"t\", 4, 0, 0};\n" SPEC(BASE ", .contract = &c")),
           HL_ERR_ABI, "specs[0].contract.size", "is 8 bytes");
    refuse(with_entry("contract-type.so", "static const hl_contract c = {sizeof(hl_contract), 0, 4, 0, 0};\n" SPEC(
                                              BASE ", .contract = &c")),
           HL_ERR_INVALID, "specs[0].contract.type", "is missing");
    refuse(with_entry("contract-field.so", "static const hl_field f[] = {{\"a\", \"int\", 0, 4}, {\"b\", 0, 4, 4}};\n"
                                           "static const hl_contract c = {sizeof(hl_contract), \"t\", 8, f, 2};\n" SPEC(
                                               BASE ", .contract = &c")),
           HL_ERR_INVALID, "specs[0].contract.fields[1].type", "is missing");
}

/* A contract as libraries have it that were built before states could be carried to workers: nothing follows its
 * fields. */
#define FIRST_CONTRACT                                                                                                  \
    "static const hl_field f[] = {{\"a\", \"int\", 0, 4}};\n"                                                           \
    "static const struct { size_t size; const char *type; unsigned long state; const hl_field *fields; size_t len; }\n" \
    "c = {40, \"t\", 4, f, 1};\n"

static void check_grown_contract(const hl_library_info *info, void *meta_size)
{
    calls++;
    assert_int_equal(info->specs[0].contract->size, sizeof(hl_contract));
    assert_int_equal(info->specs[0].contract->state_size, 4);
    assert_string_equal(info->specs[0].contract->fields[0].name, "a");
    assert_null(info->specs[0].contract->codec);
    assert_int_equal(info->specs[0].contract->meta_size, *(uint64_t *)meta_size);
}

static void contracts_from_before_codecs_are_read(void **state)
{
    uint64_t meta_size = 0;

    (void)state;
    calls = 0;
    expect_status(hl_library_inspect(with_entry("first-contract.so",
                                                FIRST_CONTRACT SPEC(BASE ", .contract = (const hl_contract *)&c")),
                                     check_grown_contract, &meta_size),
                  HL_OK, "", "");
    assert_int_equal(calls, 1);
}

/* A codec is code: a file cannot be asked for it, wherever it comes from. */
static void a_codec_in_another_library_is_not_followed(void **state)
{
    uint64_t meta_size = 96;

    (void)state;
    calls = 0;
    expect_status(
        hl_library_inspect(
            with_entry("codec.so",
                       "extern const hl_codec elsewhere;\n"
                       "static const hl_field f[] = {{\"a\", \"int\", 0, 4}};\n"
                       "static const hl_contract c = {sizeof(hl_contract), \"t\", 4, f, 1, &elsewhere, 96};\n" SPEC(
                           BASE ", .contract = &c")),
            check_grown_contract, &meta_size),
        HL_OK, "", "");
    assert_int_equal(calls, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_a_library_says_is_read_without_loading_it),
        cmocka_unit_test(every_way_of_linking_is_read_alike),
        cmocka_unit_test(packed_relocations_are_read),
        cmocka_unit_test(records_behind_exported_symbols_are_read),
        cmocka_unit_test(contracts_of_c_and_cxx_libraries_are_read),
        cmocka_unit_test(a_relative_path_is_made_absolute),
        cmocka_unit_test(the_stamp_changes_with_the_file),
        cmocka_unit_test(files_that_are_no_shared_object_are_refused),
        cmocka_unit_test(what_is_no_regular_file_is_refused_without_waiting),
        cmocka_unit_test(missing_files_are_not_found),
        cmocka_unit_test(a_path_that_is_too_long_is_refused),
        cmocka_unit_test(a_file_that_is_too_large_is_refused_unread),
        cmocka_unit_test(inspect_wants_a_callback),
        cmocka_unit_test(programs_and_object_files_are_refused),
        cmocka_unit_test(another_processor_is_refused_naming_both),
        cmocka_unit_test(every_cut_of_a_library_is_refused),
        cmocka_unit_test(headers_that_lie_are_refused),
        cmocka_unit_test(a_library_without_the_entry_is_refused_with_the_remedy),
        cmocka_unit_test(another_abi_is_refused_naming_both),
        cmocka_unit_test(smaller_structs_are_refused),
        cmocka_unit_test(larger_structs_of_the_same_abi_are_read),
        cmocka_unit_test(missing_parts_are_named),
        cmocka_unit_test(counts_are_limited),
        cmocka_unit_test(what_is_copied_is_limited_as_a_whole),
        cmocka_unit_test(pointers_that_are_no_constant_data_are_refused),
        cmocka_unit_test(a_wrong_contract_is_told_by_field),
        cmocka_unit_test(contracts_from_before_codecs_are_read),
        cmocka_unit_test(a_codec_in_another_library_is_not_followed),
    };

    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
