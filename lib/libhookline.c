/* Where the rooms of libhookline meet: core is told here what they add to a runtime. The only file that knows both;
 * nothing includes it. */
#include "core/extension.h"
#include "install/boot.h"
#include "install/extension.h"
#include "module/answer.h"
#include "module/room.h"

static void opened(hl_runtime *runtime)
{
    hl__install_opened(runtime);
    hl__modules_opened(runtime);
}

static void closing(hl_runtime *runtime)
{
    hl__modules_closing(runtime);
    hl__install_closing(runtime);
}

static void tick(hl_runtime *runtime)
{
    hl__install_tick(runtime);
    hl__modules_tick(runtime);
}

/* Programs that link libhookline statically have to ask for this symbol. */
const hl__extension hl__libhookline = {hl__install_check_content, hl__boot_may_load, opened, closing, tick,
                                       hl__module_questions};

static __attribute__((constructor)) void set_extension(void)
{
    hl__extension_set(&hl__libhookline);
}
