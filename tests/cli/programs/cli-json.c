/* Reads a JSON document from standard input and prints what lies at a path: cli-json servers.0.pid. Numbers pick from
 * arrays, "#" at the end is a length, NAME=VALUE picks the array's object with that member. Exit 1: it is not JSON, or
 * nothing is there. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static json_t *pick(json_t *array, char *condition)
{
    char *value = strchr(condition, '=');
    size_t i;
    json_t *element;

    *value++ = '\0';
    json_array_foreach (array, i, element) {
        const char *text = json_string_value(json_object_get(element, condition));

        if (text && strcmp(text, value) == 0)
            return element;
    }
    return NULL;
}

static json_t *step(json_t *from, char *part)
{
    if (json_is_object(from))
        return json_object_get(from, part);
    return strchr(part, '=') ? pick(from, part) : json_array_get(from, strtoul(part, NULL, 10));
}

int main(int argc, char **argv)
{
    json_error_t error;
    json_t *document = json_loadf(stdin, 0, &error);
    json_t *at = document;

    if (!document) {
        fprintf(stderr, "not one JSON document: %s\n", error.text);
        return 1;
    }
    for (char *part = argc > 1 ? strtok(argv[1], ".") : NULL; part && at; part = strtok(NULL, ".")) {
        if (strcmp(part, "#") == 0) {
            printf("%zu\n", json_is_array(at) ? json_array_size(at) : json_object_size(at));
            json_decref(document);
            return 0;
        }
        at = step(at, part);
    }
    if (json_is_string(at))
        puts(json_string_value(at));
    else if (at)
        json_dumpf(at, stdout, JSON_ENCODE_ANY | JSON_COMPACT);
    json_decref(document);
    return at ? 0 : 1;
}
