/* Tries to open each file that it is given for reading and writing, says how that went, and stays. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int count, char **paths)
{
    for (int i = 1; i < count; i++) {
        printf("%s: %s\n", paths[i], open(paths[i], O_RDWR) < 0 ? strerror(errno) : "opened");
    }
    fflush(stdout);
    for (;;) {
        pause();
    }
}
