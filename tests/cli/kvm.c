// SPDX-License-Identifier: GPL-2.0-only
/* A program that knows /dev/kvm only. Says what it got there: "Warren" or "KVM"; ends with status 42. */
#include <errno.h>
#include <fcntl.h>
#include <linux/warren.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

int main(void)
{
	struct warren_vm_info info;
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm;

	if (fd < 0 || ioctl(fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
		fprintf(stderr, "/dev/kvm: %s\n", fd < 0 ? strerror(errno) : "another version");
		return 1;
	}
	vm = ioctl(fd, KVM_CREATE_VM, 0);
	if (vm < 0) {
		fprintf(stderr, "KVM_CREATE_VM: %s\n", strerror(errno));
		return 1;
	}
	puts(ioctl(vm, WARREN_GET_VM_INFO, &info) ? "KVM" : "Warren");
	return 42;
}
