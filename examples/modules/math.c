/* An example module: arithmetic with whole and fractional numbers. Compile it with `hookline module compile math.c`, or
 * as any shared object (cc -shared -fPIC); it links nothing of Hookline. */
#include <math.h>

#include <hookline/module.h>

/* Two numbers, if that is what was given; `whole` when both are integers. */
struct pair {
    bool given, whole;
    int64_t a, b;
    double x, y;
};

static struct pair read_pair(const hl_value *args)
{
    const hl_value *first = hl_value_at(args, 0);
    const hl_value *second = hl_value_at(args, 1);
    struct pair pair = {0};

    pair.given = hl_value_len(args) == 2 && hl_value_as_number(first, &pair.x) && hl_value_as_number(second, &pair.y);
    pair.whole = pair.given && hl_value_as_int(first, &pair.a) && hl_value_as_int(second, &pair.b);
    return pair;
}

static hl_status give_whole(hl_answer *answer, bool overflow, const int64_t *result)
{
    if (overflow)
        return hl_answer_fail(answer, HL_ERR_LIMIT, "The result does not fit into 64 bits; give a float.");
    return hl_answer_give(answer, hl_value_int(*result));
}

static hl_status give_float(hl_answer *answer, const struct pair *pair, double result)
{
    if (!pair->given)
        return hl_answer_fail(answer, HL_ERR_INVALID, "Give two numbers.");
    return hl_answer_give(answer, hl_value_float(result));
}

static hl_status add(void *self, const hl_value *args, hl_answer *answer)
{
    struct pair pair = read_pair(args);
    int64_t result = 0;

    (void)self;
    if (pair.whole)
        return give_whole(answer, __builtin_add_overflow(pair.a, pair.b, &result), &result);
    return give_float(answer, &pair, pair.x + pair.y);
}

static hl_status subtract(void *self, const hl_value *args, hl_answer *answer)
{
    struct pair pair = read_pair(args);
    int64_t result = 0;

    (void)self;
    if (pair.whole)
        return give_whole(answer, __builtin_sub_overflow(pair.a, pair.b, &result), &result);
    return give_float(answer, &pair, pair.x - pair.y);
}

static hl_status multiply(void *self, const hl_value *args, hl_answer *answer)
{
    struct pair pair = read_pair(args);
    int64_t result = 0;

    (void)self;
    if (pair.whole)
        return give_whole(answer, __builtin_mul_overflow(pair.a, pair.b, &result), &result);
    return give_float(answer, &pair, pair.x * pair.y);
}

static hl_status divide(void *self, const hl_value *args, hl_answer *answer)
{
    struct pair pair = read_pair(args);

    (void)self;
    if (pair.given && fpclassify(pair.y) == FP_ZERO)
        return hl_answer_fail(answer, HL_ERR_INVALID, "Division by zero.");
    return give_float(answer, &pair, pair.x / pair.y);
}

static const hl_module_function functions[] = {
    {"add", add, "the sum of two numbers"},
    {"subtract", subtract, "the first number less the second"},
    {"multiply", multiply, "the product of two numbers"},
    {"divide", divide, "the first number by the second, as a float"},
};
HL_MODULE("math", "1.0.0", functions)
