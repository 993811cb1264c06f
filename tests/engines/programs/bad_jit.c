/* A compiler program that is broken in the way that the file "way" in $TMPDIR names: "exit", "crash", "hang", "garbage"
 * on its socket, or "deaf", which shuts the socket and lives on. The name of the program has to be hookline-jit's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKET 3 /* where Hookline leaves it */

static void babble(void)
{
    char noise[1000];

    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (char)(i * 7919 % 251);
    for (int i = 0; i < 20; i++)
        send(SOCKET, noise, sizeof(noise) - (size_t)i * 40, MSG_NOSIGNAL);
}

static void read_way(char *way, int way_len)
{
    char path[512];
    FILE *file;

    snprintf(path, sizeof(path), "%s/way", getenv("TMPDIR"));
    file = fopen(path, "re");
    if (!file || !fgets(way, way_len, file))
        exit(9);
    fclose(file);
}

int main(void)
{
    char way[32] = "";

    alarm(60);
    read_way(way, sizeof(way));
    if (!strcmp(way, "exit"))
        return 3;
    if (!strcmp(way, "crash"))
        abort();
    if (!strcmp(way, "garbage"))
        babble();
    if (!strcmp(way, "deaf"))
        close(SOCKET);
    for (;;)
        pause();
}
