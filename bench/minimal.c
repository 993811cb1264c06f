/* The least that a started program can do: say that it is there. What `hookline bench worker` compares starting a
 * worker with. */
#include <unistd.h>

int main(void)
{
    return write(STDOUT_FILENO, "", 1) == 1 ? 0 : 1;
}
