/* Reads an LMDB 0.9 file page by page and checks that each is what the one above it says.
 *
 * A page begins with its number (8 bytes), 2 spare bytes, its flags (2), and for trees the end of its offset table (2)
 * and the start of its nodes (2), for overflow pages their count (4). Two head pages hold the roots of two trees: the
 * pages that are free, by transaction, and the named databases, whose own roots are values in it. */
#include "store/pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"

#define PAGE_HEADER_BYTES 16
#define NODE_HEADER_BYTES 8
#define HEAD_BYTES 152 /* a page header and all fields of a head */
#define MAGIC 0xBEEFC0DEu
#define DATA_VERSION 1
#define PAGE_BRANCH 0x01
#define PAGE_LEAF 0x02
#define PAGE_OVERFLOW 0x04
#define PAGE_HEAD 0x08
#define NODE_BIG 0x01
#define NODE_TREE 0x02
#define TREE_INTEGER_KEYS 0x08
#define TREE_ALONE_IN_FOLDER 0x4000 /* left behind by mdb_copy -n: means nothing here */
#define NO_PAGE UINT64_MAX
#define DEPTH_MAX 32
#define TXN_PAGES_MAX 131072 /* LMDB's limit: so many pages may be counted but not yet be in the file */

/* A tree's root as it is kept in heads and values. */
typedef struct tree {
    uint32_t page_bytes; /* meaningful in the tree of free pages only */
    uint16_t flags;
    uint16_t depth;
    uint64_t branches;
    uint64_t leaves;
    uint64_t overflows;
    uint64_t entries;
    uint64_t root;
} tree;

typedef struct head {
    uint32_t magic;
    uint32_t version;
    uint64_t address;
    uint64_t map_bytes;
    tree free_pages;
    tree databases;
    uint64_t last_page;
    uint64_t txn_id;
} head;

_Static_assert(sizeof(tree) == 48 && sizeof(head) + PAGE_HEADER_BYTES == HEAD_BYTES, "LMDB's layout on disk");

typedef struct walk {
    int fd;
    uint32_t page_bytes;
    uint64_t last_page;
    uint64_t file_pages;
    uint8_t *seen;       /* a bit for each page of the file */
    const char *problem; /* NULL: none yet */
    uint64_t problem_page;
    bool no_memory;
} walk;

/* What is being counted in one tree, to be compared with what it says of itself. */
typedef struct counts {
    const tree *of;
    bool is_free_pages;
    bool is_databases;
    uint64_t branches;
    uint64_t leaves;
    uint64_t overflows;
    uint64_t entries;
} counts;

static uint16_t get16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static uint32_t get32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static uint64_t get64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static hl_status fail_page(const char *directory, const char *problem, uint64_t page)
{
    return hl__fail(HL_ERR_STORE_CORRUPT, "open", "store",
                    "The file data.mdb in %s is damaged or is not a store (%s, page %llu); move it away and restore a "
                    "backup.",
                    directory, problem, (unsigned long long)page);
}

/* ---- heads ---------------------------------------------------------------------------------------------------- */

static const char *tree_problem(const tree *checked, uint64_t last_page)
{
    if (checked->depth > DEPTH_MAX)
        return "a tree is too deep";
    if ((checked->root == NO_PAGE) != (checked->depth == 0))
        return "a tree has no root";
    if (checked->root != NO_PAGE && checked->root > last_page)
        return "a root is outside of the file";
    return NULL;
}

static const char *head_problem(const head *checked, uint16_t page_flags, uint64_t file_bytes)
{
    uint32_t page_bytes = checked->free_pages.page_bytes;
    const char *problem;

    if (!(page_flags & PAGE_HEAD) || checked->magic != MAGIC)
        return "not an LMDB file";
    if (checked->version != DATA_VERSION)
        return "another version of LMDB's format";
    if (page_bytes < 512 || page_bytes > 65536 || (page_bytes & (page_bytes - 1)))
        return "the page size is impossible";
    if ((checked->free_pages.flags & ~TREE_ALONE_IN_FOLDER) != TREE_INTEGER_KEYS || checked->databases.flags)
        return "the head's flags are impossible";
    if (checked->last_page < 1 || checked->last_page >= file_bytes / page_bytes + TXN_PAGES_MAX)
        return "the file is shorter than its head says";
    if ((problem = tree_problem(&checked->free_pages, checked->last_page)))
        return problem;
    return tree_problem(&checked->databases, checked->last_page);
}

static bool read_head(int fd, uint64_t offset, head *out, uint16_t *page_flags)
{
    uint8_t bytes[HEAD_BYTES];
    if (pread(fd, bytes, sizeof(bytes), (off_t)offset) != (ssize_t)sizeof(bytes))
        return false;
    *page_flags = get16(bytes + 10);
    memcpy(out, bytes + PAGE_HEADER_BYTES, sizeof(*out));
    return true;
}

/* Reads both heads; the reason when one of them will not do. */
static const char *read_heads(int fd, uint64_t file_bytes, head heads[2], uint64_t *page)
{
    uint32_t page_bytes = 0;

    for (*page = 0; *page < 2; ++*page) {
        uint16_t page_flags;
        head *each = &heads[*page];
        if (!read_head(fd, *page * page_bytes, each, &page_flags))
            return "the file is cut off";
        const char *problem = head_problem(each, page_flags, file_bytes);
        if (problem)
            return problem;
        if (*page == 1 && each->free_pages.page_bytes != page_bytes)
            return "the heads disagree on the page size";
        page_bytes = each->free_pages.page_bytes;
    }
    return NULL;
}

hl_status hl__pages_check_heads(int fd, const char *directory, bool *empty)
{
    struct stat file;
    head heads[2];
    uint64_t page;

    if (fstat(fd, &file) != 0)
        return hl__fail_errno(HL_ERR_STORE, errno, "open", "store", "The file data.mdb in %s cannot be read.",
                              directory);
    *empty = file.st_size == 0;
    if (*empty)
        return HL_OK;
    const char *problem = read_heads(fd, (uint64_t)file.st_size, heads, &page);
    return problem ? fail_page(directory, problem, page) : HL_OK;
}

/* ---- trees ---------------------------------------------------------------------------------------------------- */

static bool complain(walk *self, const char *problem, uint64_t page)
{
    if (!self->problem && !self->no_memory) {
        self->problem = problem;
        self->problem_page = page;
    }
    return false;
}

/* A page may be reached once only, and must be in the file. */
static bool claim(walk *self, uint64_t page)
{
    if (page < 2 || page > self->last_page || page >= self->file_pages)
        return complain(self, "a page is outside of the file", page);
    if (self->seen[page / 8] & (1u << page % 8))
        return complain(self, "a page is used twice", page);
    self->seen[page / 8] |= (uint8_t)(1u << page % 8);
    return true;
}

static bool read_page(walk *self, uint64_t page, uint8_t *bytes)
{
    if (!claim(self, page))
        return false;
    off_t offset = (off_t)(page * self->page_bytes);
    if (pread(self->fd, bytes, self->page_bytes, offset) != (ssize_t)self->page_bytes)
        return complain(self, "a page cannot be read", page);
    return get64(bytes) == page || complain(self, "a page has the wrong number", page);
}

static bool check_overflow(walk *self, counts *count, uint64_t page, uint64_t data_bytes)
{
    uint8_t header[PAGE_HEADER_BYTES];

    if (!claim(self, page))
        return false;
    if (pread(self->fd, header, sizeof(header), (off_t)(page * self->page_bytes)) != (ssize_t)sizeof(header))
        return complain(self, "a page cannot be read", page);
    uint64_t pages = get32(header + 12);
    if (get64(header) != page || !(get16(header + 10) & PAGE_OVERFLOW) || pages == 0 ||
        pages * self->page_bytes < PAGE_HEADER_BYTES + data_bytes)
        return complain(self, "a long value has a wrong page", page);
    for (uint64_t i = 1; i < pages; i++) {
        if (!claim(self, page + i))
            return false;
    }
    count->overflows += pages;
    return true;
}

/* A list of free pages: its length, then as many page numbers. */
static bool check_free_list(walk *self, const uint8_t *list, uint64_t list_bytes, uint64_t page)
{
    if (list_bytes < 8 || list_bytes % 8 || get64(list) > list_bytes / 8 - 1)
        return complain(self, "a list of free pages is wrong", page);
    uint64_t len = get64(list);
    for (uint64_t i = 1; i <= len; i++) {
        uint64_t free_page = get64(list + 8 * i);
        if (free_page < 2 || free_page > self->last_page)
            return complain(self, "a free page is outside of the file", free_page);
        if (free_page < self->file_pages && !claim(self, free_page))
            return false;
    }
    return true;
}

static bool check_big_free_list(walk *self, uint64_t page, uint64_t list_bytes)
{
    uint8_t *list = malloc(list_bytes);
    bool good = false;

    if (!list)
        self->no_memory = true;
    else if (pread(self->fd, list, list_bytes, (off_t)(page * self->page_bytes + PAGE_HEADER_BYTES)) !=
             (ssize_t)list_bytes)
        complain(self, "a page cannot be read", page);
    else
        good = check_free_list(self, list, list_bytes, page);
    free(list);
    return good;
}

static bool walk_tree(walk *self, counts *count);

static bool check_database(walk *self, const uint8_t *value, uint64_t value_bytes, uint64_t page)
{
    tree database;

    if (value_bytes != sizeof(database))
        return complain(self, "a database's root has a wrong size", page);
    memcpy(&database, value, sizeof(database));
    const char *problem = database.flags ? "a database has unknown flags" : tree_problem(&database, self->last_page);
    if (problem)
        return complain(self, problem, page);
    return walk_tree(self, &(counts){.of = &database});
}

static bool check_leaf_node(walk *self, counts *count, const uint8_t *node, uint64_t room, uint64_t page)
{
    uint64_t data_bytes = get16(node) | (uint64_t)get16(node + 2) << 16;
    uint16_t flags = get16(node + 4), key_bytes = get16(node + 6);
    const uint8_t *data = node + NODE_HEADER_BYTES + key_bytes;
    bool big = flags & NODE_BIG;

    if (NODE_HEADER_BYTES + (uint64_t)key_bytes + (big ? 8 : data_bytes) > room || (flags & ~(NODE_BIG | NODE_TREE)))
        return complain(self, "an entry is wrong", page);
    if ((flags & NODE_TREE) ? big || !count->is_databases : count->is_databases)
        return complain(self, "an entry is of another kind than a store's", page);
    if (count->is_free_pages && key_bytes != 8)
        return complain(self, "a list of free pages has a wrong key", page);
    count->entries++;
    if (big) {
        uint64_t first = get64(data);
        return check_overflow(self, count, first, data_bytes) &&
               (!count->is_free_pages || check_big_free_list(self, first, data_bytes));
    }
    if (count->is_databases)
        return check_database(self, data, data_bytes, page);
    return !count->is_free_pages || check_free_list(self, data, data_bytes, page);
}

static bool walk_page(walk *self, counts *count, uint64_t page, unsigned depth);

static bool check_branch_node(walk *self, counts *count, const uint8_t *node, uint64_t room, unsigned depth,
                              uint64_t page)
{
    uint64_t child = get16(node) | (uint64_t)get16(node + 2) << 16 | (uint64_t)get16(node + 4) << 32;
    if (NODE_HEADER_BYTES + (uint64_t)get16(node + 6) > room)
        return complain(self, "an entry is wrong", page);
    return walk_page(self, count, child, depth + 1);
}

static bool check_nodes(walk *self, counts *count, const uint8_t *bytes, uint64_t page, unsigned depth)
{
    bool leaf = depth == count->of->depth;
    uint32_t table_end = get16(bytes + 12), nodes_start = get16(bytes + 14);
    uint32_t nodes_len = (table_end - PAGE_HEADER_BYTES) / 2;

    if (table_end < PAGE_HEADER_BYTES || table_end % 2 || table_end > nodes_start || nodes_start > self->page_bytes)
        return complain(self, "a page's table is wrong", page);
    if (nodes_len == 0)
        return complain(self, "a page has no entries", page);
    for (uint32_t i = 0; i < nodes_len; i++) {
        uint32_t offset = get16(bytes + PAGE_HEADER_BYTES + 2 * i);
        if (offset < nodes_start || offset % 2 || offset + NODE_HEADER_BYTES > self->page_bytes)
            return complain(self, "an entry is outside of its page", page);
        uint64_t room = self->page_bytes - offset;
        if (!(leaf ? check_leaf_node(self, count, bytes + offset, room, page)
                   : check_branch_node(self, count, bytes + offset, room, depth, page)))
            return false;
    }
    return true;
}

static bool walk_page(walk *self, counts *count, uint64_t page, unsigned depth)
{
    uint16_t kind = depth == count->of->depth ? PAGE_LEAF : PAGE_BRANCH;
    uint8_t *bytes = malloc(self->page_bytes);
    bool good = false;

    if (!bytes) {
        self->no_memory = true;
        return false;
    }
    if (read_page(self, page, bytes)) {
        if (get16(bytes + 10) != kind)
            complain(self, "a page is of another kind than its place", page);
        else
            good = check_nodes(self, count, bytes, page, depth);
    }
    *(kind == PAGE_LEAF ? &count->leaves : &count->branches) += 1;
    free(bytes);
    return good;
}

static bool walk_tree(walk *self, counts *count)
{
    const tree *of = count->of;
    if (of->root != NO_PAGE && !walk_page(self, count, of->root, 1))
        return false;
    if (count->entries != of->entries || count->leaves != of->leaves || count->branches != of->branches ||
        count->overflows != of->overflows)
        return complain(self, "a tree's counts are wrong", of->root);
    return true;
}

static hl_status walk_from(walk *self, const head *start, const char *directory)
{
    self->seen = calloc(1, self->file_pages / 8 + 1);
    if (!self->seen)
        return hl__fail_memory("open");
    bool good = walk_tree(self, &(counts){.of = &start->databases, .is_databases = true}) &&
                walk_tree(self, &(counts){.of = &start->free_pages, .is_free_pages = true});
    free(self->seen);
    if (self->no_memory)
        return hl__fail_memory("open");
    return good ? HL_OK : fail_page(directory, self->problem, self->problem_page);
}

hl_status hl__pages_check_tree(int fd, const char *directory, uint64_t txn_id, bool *moved_on)
{
    struct stat file;
    head heads[2];
    uint64_t page;

    if (fstat(fd, &file) != 0)
        return hl__fail_errno(HL_ERR_STORE, errno, "open", "store", "The file data.mdb in %s cannot be read.",
                              directory);
    const char *problem = read_heads(fd, (uint64_t)file.st_size, heads, &page);
    if (problem)
        return fail_page(directory, problem, page);
    const head *start = heads[0].txn_id == txn_id ? &heads[0] : &heads[1];
    *moved_on = start->txn_id != txn_id;
    if (*moved_on)
        return HL_OK;
    walk self = {.fd = fd,
                 .page_bytes = start->free_pages.page_bytes,
                 .last_page = start->last_page,
                 .file_pages = (uint64_t)file.st_size / start->free_pages.page_bytes};
    return walk_from(&self, start, directory);
}
