/* Growing arrays by doubling. */
#include "core/grow.h"

#include <stdlib.h>
#include <string.h>

/* The pointer is copied bytewise, since its type is the caller's. */
bool hl__grow(void *rows, size_t len, size_t *room, size_t row_bytes)
{
    size_t wanted = *room ? 2 * *room : 8;
    void *array;

    if (len < *room)
        return true;
    memcpy(&array, rows, sizeof(array));
    array = realloc(array, wanted * row_bytes);
    if (!array)
        return false;
    memcpy(rows, &array, sizeof(array));
    *room = wanted;
    return true;
}
