/*===- emulated.c - Calls kernels of another architecture
------------------===*\
|*
|* Linked with the kernels and run by qemu-user. A request on stdin is a
|* function's name, a count of buffers, and of each its rank, bytes per element,
|* sizes and bytes (int64 all but the name, which is 64 bytes); the answer on
|* stdout is the bytes of all buffers after the call. Buffers end where an
|* unmapped page begins, as those of `guarded` in kernels.py do.
|*
\*===----------------------------------------------------------------------===*/

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MOST_BUFFERS = 8, MOST_DIMS = 8 };

static void receive(void *to, size_t bytes) {
  if (bytes && fread(to, 1, bytes, stdin) != bytes)
    exit(0);
}

static int64_t receiveNumber(void) {
  int64_t value;
  receive(&value, sizeof(value));
  return value;
}

struct Buffer {
  char *mapped, *data;
  int64_t bytes, length;
  /* allocated, aligned, offset, sizes, strides */
  int64_t descriptor[3 + 2 * MOST_DIMS];
};

static void receiveBuffer(struct Buffer *buffer) {
  int64_t rank = receiveNumber(), count = 1, page = sysconf(_SC_PAGESIZE);
  int64_t itemBytes = receiveNumber();
  int64_t *sizes = buffer->descriptor + 3, *strides = sizes + rank;
  for (int64_t i = 0; i < rank; ++i)
    sizes[i] = receiveNumber();
  for (int64_t i = rank; i-- > 0; count *= sizes[i])
    strides[i] = count;
  buffer->bytes = count * itemBytes;
  buffer->length = (buffer->bytes + page - 1) / page * page;
  buffer->mapped = mmap(NULL, buffer->length + page, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (buffer->mapped == MAP_FAILED ||
      mprotect(buffer->mapped + buffer->length, page, PROT_NONE))
    exit(1);
  buffer->length += page;
  buffer->data = buffer->mapped + buffer->length - page - buffer->bytes;
  buffer->descriptor[0] = buffer->descriptor[1] =
      (int64_t)(intptr_t)buffer->data;
  buffer->descriptor[2] = 0;
  receive(buffer->data, buffer->bytes);
}

int main(void) {
  for (;;) {
    char name[64];
    receive(name, sizeof(name));
    void *symbol = dlsym(RTLD_DEFAULT, name);
    if (!symbol)
      return 1;
    struct Buffer buffers[MOST_BUFFERS];
    int64_t count = receiveNumber();
    if (count > MOST_BUFFERS)
      return 1;
    for (int64_t i = 0; i < count; ++i)
      receiveBuffer(&buffers[i]);
    /* More arguments than a function takes do no harm in registers. */
    ((void (*)(void *, void *, void *, void *, void *, void *, void *,
               void *))symbol)(buffers[0].descriptor, buffers[1].descriptor,
                               buffers[2].descriptor, buffers[3].descriptor,
                               buffers[4].descriptor, buffers[5].descriptor,
                               buffers[6].descriptor, buffers[7].descriptor);
    for (int64_t i = 0; i < count; ++i) {
      fwrite(buffers[i].data, 1, buffers[i].bytes, stdout);
      munmap(buffers[i].mapped, buffers[i].length);
    }
    fflush(stdout);
  }
}
