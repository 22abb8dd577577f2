// SPDX-License-Identifier: GPL-2.0-only
/* The hypervisor device and the VM: the system and VM ioctls of the KVM API. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/kvm.h>
#include <linux/warren.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "layout.h"
#include "util.h"
#include "vm.h"

/* Capabilities without which no guest of ours can run. */
static const struct {
	int number;
	const char *name;
} needed[] = {
	{ KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY" },
	{ KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP" },
	{ KVM_CAP_PIT2, "KVM_CAP_PIT2" },
	{ KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID" },
	{ KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT" },
};

static void hint_permission(const char *device)
{
	const struct group *group;
	struct stat st;

	if (!stat(device, &st) && st.st_gid != 0 && (st.st_mode & 0060) == 0060) {
		group = getgrgid(st.st_gid);
		if (group) {
			wr_hint("join its group: sudo usermod -aG %s $USER, then log in again",
				group->gr_name);
			return;
		}
	}
	wr_hint("run as root, or let your group use it: sudo chgrp GROUP %s; sudo chmod 660 %s",
		device, device);
}

static void hint_open(const char *device, int error)
{
	if (error == EACCES || error == EPERM)
		hint_permission(device);
	else if (!strcmp(device, WR_DEVICE_DEFAULT))
		wr_hint("load the module: sudo insmod warren.ko; then try `warren doctor`");
	else if (!strcmp(device, "/dev/kvm"))
		wr_hint("load KVM: sudo modprobe kvm-amd (or kvm-intel)");
	else
		wr_hint("name a KVM or Warren device with --device");
}

unsigned int wr_vm_missing_caps(int sys_fd, char *names, size_t size)
{
	unsigned int missing = 0;
	size_t i, len = 0;

	names[0] = '\0';
	for (i = 0; i < ARRAY_SIZE(needed); i++) {
		if (ioctl(sys_fd, KVM_CHECK_EXTENSION, needed[i].number) > 0)
			continue;
		if (len < size)
			len += (size_t)snprintf(names + len, size - len, "%s%s",
						missing ? ", " : "", needed[i].name);
		missing++;
	}
	return missing;
}

static int check_api(struct wr_vm *vm)
{
	int version = ioctl(vm->sys_fd, KVM_GET_API_VERSION, 0);
	char names[200];

	if (version != KVM_API_VERSION) {
		wr_error("%s does not speak version %d of the KVM API", vm->device,
			 KVM_API_VERSION);
		wr_hint("is it a hypervisor device? The usual ones are /dev/warren and /dev/kvm");
		return -1;
	}
	if (wr_vm_missing_caps(vm->sys_fd, names, sizeof(names)))
		return wr_error("%s lacks %s, which warren run needs", vm->device, names);
	vm->tsc_deadline = ioctl(vm->sys_fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0;
	return 0;
}

int wr_vm_open(struct wr_vm *vm, const char *device)
{
	int size;

	*vm = (struct wr_vm){ .device = device, .sys_fd = -1, .fd = -1 };
	vm->sys_fd = open(device, O_RDWR | O_CLOEXEC);
	if (vm->sys_fd < 0) {
		int error = errno;

		wr_error("cannot open %s: %s", device, strerror(error));
		hint_open(device, error);
		return -1;
	}
	if (check_api(vm))
		return -1;
	size = ioctl(vm->sys_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (size < (int)sizeof(struct kvm_run))
		return wr_error("%s: KVM_GET_VCPU_MMAP_SIZE: %s", device,
				size < 0 ? strerror(errno) : "too small");
	vm->run_size = (size_t)size;
	return 0;
}

void wr_vm_close(struct wr_vm *vm)
{
	if (vm->fd >= 0)
		close(vm->fd);
	if (vm->sys_fd >= 0)
		close(vm->sys_fd);
	vm->fd = -1;
	vm->sys_fd = -1;
}

unsigned int wr_vm_max_cpus(const struct wr_vm *vm)
{
	int max = ioctl(vm->sys_fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);

	/* The API's rule: without the capability, the recommended number; without that, 4. */
	if (max <= 0)
		max = ioctl(vm->sys_fd, KVM_CHECK_EXTENSION, KVM_CAP_NR_VCPUS);
	if (max <= 0)
		max = 4;
	return max < WR_CPUS_MAX ? (unsigned int)max : WR_CPUS_MAX;
}

static int create_chips(struct wr_vm *vm)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	__u64 identity_map = WR_LAYOUT_IDENTITY_MAP;

	/* Both are for Intel CPUs; a device that does not know them does not need them. */
	if (ioctl(vm->sys_fd, KVM_CHECK_EXTENSION, KVM_CAP_SET_IDENTITY_MAP_ADDR) > 0 &&
	    ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map))
		return wr_error("%s: KVM_SET_IDENTITY_MAP_ADDR: %s", vm->device, strerror(errno));
	if (ioctl(vm->sys_fd, KVM_CHECK_EXTENSION, KVM_CAP_SET_TSS_ADDR) > 0 &&
	    ioctl(vm->fd, KVM_SET_TSS_ADDR, WR_LAYOUT_TSS))
		return wr_error("%s: KVM_SET_TSS_ADDR: %s", vm->device, strerror(errno));
	if (ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0))
		return wr_error("%s: KVM_CREATE_IRQCHIP: %s", vm->device, strerror(errno));
	if (ioctl(vm->fd, KVM_CREATE_PIT2, &pit))
		return wr_error("%s: KVM_CREATE_PIT2: %s", vm->device, strerror(errno));
	return 0;
}

static int add_slot(struct wr_vm *vm, __u32 slot, const struct wr_memory *mem, uint64_t gpa,
		    uint64_t size)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)wr_memory_at(mem, gpa, size),
	};

	if (!size)
		return 0;
	if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region))
		return wr_error("%s: KVM_SET_USER_MEMORY_REGION of %llu MiB: %s", vm->device,
				(unsigned long long)(size / WR_MIB), strerror(errno));
	return 0;
}

int wr_vm_create(struct wr_vm *vm, const struct wr_memory *mem)
{
	do {
		vm->fd = ioctl(vm->sys_fd, KVM_CREATE_VM, 0);
	} while (vm->fd < 0 && errno == EINTR);
	if (vm->fd < 0) {
		wr_error("%s: KVM_CREATE_VM: %s", vm->device, strerror(errno));
		wr_hint("the kernel's log says why (sudo dmesg); try `warren doctor`");
		return -1;
	}
	if (create_chips(vm))
		return -1;
	if (add_slot(vm, 0, mem, 0, mem->low))
		return -1;
	return add_slot(vm, 1, mem, WR_LAYOUT_4G, mem->high);
}

uint32_t wr_vm_id(const struct wr_vm *vm)
{
	struct warren_vm_info info = { 0 };

	return ioctl(vm->fd, WARREN_GET_VM_INFO, &info) ? 0 : info.id;
}

void wr_vm_report(const struct wr_vm *vm, unsigned int what)
{
	struct warren_report report = { .what = what };

	ioctl(vm->fd, WARREN_REPORT, &report);
}

void wr_vm_irq_line(const struct wr_vm *vm, unsigned int gsi, bool level)
{
	struct kvm_irq_level line = { .irq = gsi, .level = level };

	/* Cannot fail with an irqchip and a GSI below 16, and a guest could not be told. */
	ioctl(vm->fd, KVM_IRQ_LINE, &line);
}
