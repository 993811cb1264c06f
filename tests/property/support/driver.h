/* Random operations, done to the library and compared with the model: shared by the property tests. */
#ifndef HL_TEST_PROPERTY_DRIVER_H
#define HL_TEST_PROPERTY_DRIVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <hookline/hookline.h>

#include "tests/property/support/model.h"

/* Begins a sequence of random choices that is the same for the same seed. */
void random_begin(uint64_t seed);
unsigned pick(unsigned below);
struct model_op pick_op(void);
struct model_op pick_op_of_txn(void); /* one that a transaction can have */

/* Does the operation to the library; what the model's outcome means as a status. */
hl_status apply(hl_runtime *runtime, const struct model_op *op);
hl_status add_to_txn(hl_txn *txn, const struct model_op *op);
hl_status expected_status(enum model_outcome outcome);

void open_events(hl_runtime *runtime, hl_event *events[MODEL_EVENTS]);

/* The isolation's text in a record, as the operator's word or as what registration asked for. */
const char *isolation_text(const struct model *model, int plugin);

/* Whether every plugin's record is what the model says. */
bool records_agree(hl_runtime *runtime, const struct model *model);

/* Asserts that the records agree, and that each event's dispatch calls what the model's chain has. */
void compare(hl_runtime *runtime, hl_event *const *events, const struct model *model);

#endif
