// SPDX-License-Identifier: GPL-2.0-only
/*
 * churn N: make N machines, one after the other: irqchip, timer, memory, two vCPUs, run one of them
 * to its first exit, and close everything, each time in another order. 1 when any step failed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEMORY (2u << 20)

/* out %al, $0x80; hlt: real mode, at address 0x1000. */
static const uint8_t code[] = { 0xe6, 0x80, 0xf4 };

struct machine {
	int vm, vcpu[2];
	void *memory;
	struct kvm_run *run;
	size_t run_size;
};

static int complain(const char *what)
{
	printf("churn: %s: %s\n", what, strerror(errno));
	return -1;
}

static int make_memory(struct machine *m)
{
	struct kvm_userspace_memory_region region = { .memory_size = MEMORY };

	m->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (m->memory == MAP_FAILED)
		return complain("memory");
	memcpy((char *)m->memory + 0x1000, code, sizeof(code));
	region.userspace_addr = (uintptr_t)m->memory;
	if (ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &region))
		return complain("KVM_SET_USER_MEMORY_REGION");
	return 0;
}

static int make(int device, struct machine *m)
{
	struct kvm_pit_config pit = { .flags = 0 };
	int i;

	do {
		m->vm = ioctl(device, KVM_CREATE_VM, 0);
	} while (m->vm < 0 && errno == EINTR);
	if (m->vm < 0)
		return complain("KVM_CREATE_VM");
	if (ioctl(m->vm, KVM_SET_TSS_ADDR, 0xfffbd000ul) || ioctl(m->vm, KVM_CREATE_IRQCHIP, 0) ||
	    ioctl(m->vm, KVM_CREATE_PIT2, &pit))
		return complain("irqchip");
	if (make_memory(m))
		return -1;
	for (i = 0; i < 2; i++) {
		m->vcpu[i] = ioctl(m->vm, KVM_CREATE_VCPU, i);
		if (m->vcpu[i] < 0)
			return complain("KVM_CREATE_VCPU");
	}
	m->run_size = ioctl(device, KVM_GET_VCPU_MMAP_SIZE, 0);
	m->run = mmap(NULL, m->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu[0], 0);
	return m->run == MAP_FAILED ? complain("vCPU mapping") : 0;
}

static int run(struct machine *m)
{
	struct kvm_regs regs = { .rip = 0x1000, .rflags = 2 };
	struct kvm_sregs sregs;

	if (ioctl(m->vcpu[0], KVM_GET_SREGS, &sregs))
		return complain("KVM_GET_SREGS");
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (ioctl(m->vcpu[0], KVM_SET_SREGS, &sregs) || ioctl(m->vcpu[0], KVM_SET_REGS, &regs))
		return complain("registers");
	if (ioctl(m->vcpu[0], KVM_RUN, 0))
		return complain("KVM_RUN");
	if (m->run->exit_reason != KVM_EXIT_IO || m->run->io.port != 0x80) {
		printf("churn: exit reason %u\n", m->run->exit_reason);
		return -1;
	}
	return 0;
}

static void close_part(struct machine *m, int part)
{
	switch (part) {
	case 0:
		close(m->vm);
		break;
	case 1:
	case 2:
		close(m->vcpu[part - 1]);
		break;
	case 3:
		munmap(m->run, m->run_size);
		break;
	case 4:
		munmap(m->memory, MEMORY);
		break;
	}
}

static void destroy(struct machine *m, int order)
{
	int i;

	/* Steps of 1 to 4 through five parts reach each of them once. */
	for (i = 0; i < 5; i++)
		close_part(m, (order + i * (1 + order % 4)) % 5);
}

int main(int argc, char **argv)
{
	const char *path = getenv("WARREN_DEVICE");
	int n = argc > 1 ? atoi(argv[1]) : 1, device, i;

	device = open(path ? path : "/dev/warren", O_RDWR | O_CLOEXEC);
	if (device < 0)
		return -complain(path ? path : "/dev/warren");
	for (i = 0; i < n; i++) {
		struct machine m;

		if (make(device, &m) || run(&m))
			return 1;
		destroy(&m, i);
	}
	printf("churn: %d machines\n", n);
	return 0;
}
