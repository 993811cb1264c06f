/* One unwind entry for a whole arena, on x86-64. Called by arena.c.
 *
 * All chains keep a frame pointer, so one rule fits all: the caller's frame begins 16 bytes above rbp. Entries for each
 * chain would be exact in prologues too, but registering and looking up thousands of them takes milliseconds. The rule
 * does not restore the other saved registers, so an exception must not pass: the personality function refuses it, and
 * a plugin that throws ends in std::terminate, as with a noexcept function. */
#include "jit/unwind.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)

#include <unwind.h>

#define DW_REG_RBP 6
#define DW_REG_RA 16

/* Entries in the form of .eh_frame: a common part, one range, an end mark. */
struct hl__unwind {
    struct {
        uint32_t length;
        uint32_t id;
        uint8_t version;
        char augmentation[4];
        uint8_t code_align;
        uint8_t data_align;
        uint8_t return_register;
        uint8_t augmentation_len;
        uint8_t personality_encoding;
        uint64_t personality;
        uint8_t pointer_encoding;
        uint8_t rules[10];
    } __attribute__((packed)) common;
    struct {
        uint32_t length;
        uint32_t common_distance;
        uint64_t base;
        uint64_t bytes;
        uint8_t augmentation_len;
        uint8_t rules[7];
    } __attribute__((packed)) range;
    uint32_t end;
} __attribute__((packed));

/* From libgcc. */
extern void __register_frame(void *frames);
extern void __deregister_frame(void *frames);

static _Unwind_Reason_Code refuse(int version, _Unwind_Action actions, _Unwind_Exception_Class class_of,
                                  struct _Unwind_Exception *exception, struct _Unwind_Context *context)
{
    (void)version, (void)actions, (void)class_of, (void)exception, (void)context;
    return actions & _UA_SEARCH_PHASE ? _URC_FATAL_PHASE1_ERROR : _URC_FATAL_PHASE2_ERROR;
}

/* DW_CFA_def_cfa rbp 16, DW_CFA_offset rbp 2*8, DW_CFA_offset ra 1*8, then DW_CFA_nop. */
static void write_entries(hl__unwind *u, uint64_t base, size_t bytes)
{
    static const uint8_t rules[] = {0x0c, DW_REG_RBP, 16, 0x80 | DW_REG_RBP, 2, 0x80 | DW_REG_RA, 1};

    u->common.length = sizeof(u->common) - sizeof(u->common.length);
    u->common.version = 1;
    memcpy(u->common.augmentation, "zPR", 4);
    u->common.code_align = 1;
    u->common.data_align = 0x78; /* -8 */
    u->common.return_register = DW_REG_RA;
    u->common.augmentation_len = 10;
    u->common.personality = (uint64_t)(uintptr_t)refuse;
    memcpy(u->common.rules, rules, sizeof(rules));
    u->range.length = sizeof(u->range) - sizeof(u->range.length);
    u->range.common_distance = sizeof(u->common) + sizeof(u->range.length);
    u->range.base = base;
    u->range.bytes = bytes;
}

hl__unwind *hl__unwind_register(uint64_t base, size_t bytes)
{
    hl__unwind *unwind = NULL;

    unwind = calloc(1, sizeof(*unwind));
    if (!unwind)
        return NULL;
    write_entries(unwind, base, bytes);
    __register_frame(unwind);
    return unwind;
}

void hl__unwind_forget(hl__unwind *unwind)
{
    if (!unwind)
        return;
    __deregister_frame(unwind);
    free(unwind);
}

#else

hl__unwind *hl__unwind_register(uint64_t base, size_t bytes)
{
    (void)base, (void)bytes;
    return NULL;
}

void hl__unwind_forget(hl__unwind *unwind)
{
    (void)unwind;
}

#endif
