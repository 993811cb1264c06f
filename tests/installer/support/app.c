/* Making apps: compiling apps/app.c, writing a manifest, packing. See app.h. */
#include "tests/installer/support/app.h"

#include <spawn.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

extern char **environ;

static const char *kept(const char *text)
{
    static char texts[8][4096];
    static unsigned at;
    char *out = texts[at++ % 8];

    snprintf(out, sizeof(texts[0]), "%s", text);
    return out;
}

/* ---- the library ---- */

static void add_plugins(const test_app *app, char *out, size_t room)
{
    char names[1024], *rest = names, *name;
    int priority = 0;
    size_t len = (size_t)snprintf(out, room, "-DPLUGINS=");

    snprintf(names, sizeof(names), "%s", app->plugins ? app->plugins : app->app);
    while ((name = strsep(&rest, " ")))
        len += (size_t)snprintf(out + len, room - len, "PLUGIN(\"%s\",\"%s\",%d)", name, app->event ? app->event : "e",
                                priority += 10);
}

static void compile(const test_app *app, const char *out)
{
    char plugins[4096], name[256], version[128], include[512], source[512], defines[512], *rest = defines;
    const char *cc = getenv("HOOKLINE_TEST_CC");
    const char *argv[32] = {cc ? cc : "cc", "-std=c11", "-O1",   "-shared", "-fPIC", "-o", out,
                            plugins,        name,       version, include,   source};
    size_t len = 12;
    int pid;

    add_plugins(app, plugins, sizeof(plugins));
    snprintf(name, sizeof(name), "-DAPP=\"%s\"", app->app);
    snprintf(version, sizeof(version), "-DVERSION=\"%s\"", app->version);
    snprintf(include, sizeof(include), "-I%s/../include", HL_TEST_SOURCE);
    snprintf(source, sizeof(source), "%s/installer/apps/app.c", HL_TEST_SOURCE);
    snprintf(defines, sizeof(defines), "-D_GNU_SOURCE %s", app->defines ? app->defines : "");
    while (len < 31 && (argv[len] = strsep(&rest, " ")))
        len += argv[len][0] != '\0';
    argv[len] = NULL;
    assert_int_equal(posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)(uintptr_t)argv, environ), 0);
    assert_int_equal(test_wait(pid), 0);
}

/* ---- the package ---- */

static void write_list(FILE *file, const char *names)
{
    char copy[1024], *rest = copy, *name;
    const char *comma = "";

    snprintf(copy, sizeof(copy), "%s", names);
    while ((name = strsep(&rest, " "))) {
        fprintf(file, "%s\"%s\"", comma, name);
        comma = ",";
    }
}

static void write_manifest(const test_app *app, const char *path)
{
    const char *plugins = app->plugins ? app->plugins : app->app;
    FILE *file = fopen(path, "w");
    struct utsname machine;

    assert_non_null(file);
    uname(&machine);
    fprintf(file, "{\"app\":\"%s\",\"version\":\"%s\",\"abi\":%d,\"architecture\":\"%s\",\"libc\":\"gnu\",", app->app,
            app->version, HL_ABI, machine.machine);
    if (app->manifest)
        fprintf(file, "%s,", app->manifest);
    fprintf(file, "\"libraries\":[{\"file\":\"lib/%s.so\",", app->app);
    if (app->isolation)
        fprintf(file, "\"isolation\":%s,", app->isolation);
    fputs("\"plugins\":[", file);
    write_list(file, app->listed ? app->listed : plugins);
    fprintf(file, "]}]}\n");
    assert_int_equal(fclose(file), 0);
}

static void write_file(const char *folder, const char *file)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/%s", folder, file);
    for (char *at = path + strlen(folder) + 1; (at = strchr(at, '/')); *at++ = '/') {
        *at = '\0';
        mkdir(path, 0755);
    }
    test_write(path, file);
}

const char *test_app_folder(const test_app *app)
{
    static unsigned made;
    const char *folder = test_path("made-%u", made++);

    assert_int_equal(mkdir(folder, 0755), 0);
    assert_int_equal(mkdir(test_path("made-%u/lib", made - 1), 0755), 0);
    compile(app, test_path("made-%u/lib/%s.so", made - 1, app->app));
    write_manifest(app, test_path("made-%u/hookline.json", made - 1));
    if (app->file)
        write_file(folder, app->file);
    return kept(folder);
}

const char *test_app_package(const test_app *app)
{
    const char *folder = test_app_folder(app), *out;
    char *path = NULL;

    ok(hl_pack(folder, test_place, &path));
    out = kept(path);
    free(path);
    return out;
}
