// SPDX-License-Identifier: GPL-2.0-only
/* crash_kernel KERNEL COMMAND-LINE: have that kernel started when this one crashes, in memory that crashkernel= has kept. */
#include <fcntl.h>
#include <linux/kexec.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd;

	if (argc != 3) {
		fprintf(stderr, "usage: crash_kernel KERNEL COMMAND-LINE\n");
		return 2;
	}
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		perror(argv[1]);
		return 1;
	}
	if (syscall(SYS_kexec_file_load, fd, -1, strlen(argv[2]) + 1, argv[2], KEXEC_FILE_ON_CRASH | KEXEC_FILE_NO_INITRAMFS)) {
		perror("kexec_file_load");
		return 1;
	}
	return 0;
}
