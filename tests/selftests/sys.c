// SPDX-License-Identifier: GPL-2.0-only
/* The device: version, capabilities, lists; the three kinds of fd, their lifetimes and owners. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vm.h"

/* KVM 6.1 says EINVAL for ioctls that it does not know on some fds: we promise ENOTTY. */
#define CHECK_UNKNOWN(call)						\
	do {								\
		if (is_kvm())						\
			CHECK((call) == -1 && (errno == ENOTTY || errno == EINVAL));	\
		else							\
			CHECK_ERR(call, ENOTTY);			\
	} while (0)

TEST(api_version)
{
	int fd = open_device();

	CHECK_EQ(ioctl(fd, KVM_GET_API_VERSION, 0ul), 12);
	CHECK_ERR(ioctl(fd, KVM_GET_API_VERSION, 1ul), EINVAL);
}

/* Without KVM_CAP_X86_ROBUST_SINGLESTEP, which says something about KVM_SET_GUEST_DEBUG: it is not there. */
TEST(required_capabilities)
{
	static const u32 caps[] = {
		KVM_CAP_IRQCHIP, KVM_CAP_HLT, KVM_CAP_USER_MEMORY, KVM_CAP_SET_TSS_ADDR,
		KVM_CAP_EXT_CPUID, KVM_CAP_NR_VCPUS, KVM_CAP_NR_MEMSLOTS, KVM_CAP_PIT2,
		KVM_CAP_PIT_STATE2, KVM_CAP_MP_STATE, KVM_CAP_COALESCED_MMIO,
		KVM_CAP_COALESCED_PIO, KVM_CAP_DESTROY_MEMORY_REGION_WORKS,
		KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, KVM_CAP_IRQ_ROUTING,
		KVM_CAP_IRQ_INJECT_STATUS, KVM_CAP_IRQFD, KVM_CAP_IRQFD_RESAMPLE,
		KVM_CAP_IOEVENTFD, KVM_CAP_IOEVENTFD_ANY_LENGTH, KVM_CAP_SIGNAL_MSI,
		KVM_CAP_SET_IDENTITY_MAP_ADDR, KVM_CAP_ADJUST_CLOCK, KVM_CAP_VCPU_EVENTS,
		KVM_CAP_DEBUGREGS, KVM_CAP_XSAVE, KVM_CAP_XCRS, KVM_CAP_GET_TSC_KHZ,
		KVM_CAP_MAX_VCPUS, KVM_CAP_MAX_VCPU_ID, KVM_CAP_READONLY_MEM,
		KVM_CAP_IMMEDIATE_EXIT, KVM_CAP_INTERNAL_ERROR_DATA, KVM_CAP_SYNC_MMU,
		KVM_CAP_USER_NMI, KVM_CAP_CHECK_EXTENSION_VM,
	};
	int fd = open_device();
	u32 i;

	for (i = 0; i < ARRAY_SIZE(caps); i++)
		if (check_ext(fd, caps[i]) <= 0)
			FAIL("capability %u: expected more than 0", caps[i]);
}

TEST(unknown_capabilities)
{
	static const unsigned long caps[] = { 1000, 5000, 0x7fffffff, 0xffffffff, ~0ul };
	struct vm vm;
	u32 i;

	vm_init_bare(&vm);
	for (i = 0; i < ARRAY_SIZE(caps); i++) {
		CHECK_EQ(ioctl(vm.dev, KVM_CHECK_EXTENSION, caps[i]), 0);
		CHECK_EQ(ioctl(vm.fd, KVM_CHECK_EXTENSION, caps[i]), 0);
	}
}

TEST(capability_values)
{
	struct vm vm;

	vm_init_bare(&vm);
	CHECK(check_ext(vm.dev, KVM_CAP_NR_VCPUS) >= 1);
	CHECK(check_ext(vm.dev, KVM_CAP_MAX_VCPUS) >= check_ext(vm.dev, KVM_CAP_NR_VCPUS));
	CHECK(check_ext(vm.dev, KVM_CAP_MAX_VCPU_ID) >= check_ext(vm.dev, KVM_CAP_MAX_VCPUS));
	CHECK(check_ext(vm.dev, KVM_CAP_NR_MEMSLOTS) >= 32);
	CHECK(check_ext(vm.dev, KVM_CAP_COALESCED_MMIO) >= 1);
	CHECK_EQ(check_ext(vm.fd, KVM_CAP_NR_MEMSLOTS), check_ext(vm.dev, KVM_CAP_NR_MEMSLOTS));
}

/* What is not advertised is refused, and so is what nobody knows. */
TEST(enable_cap_unknown)
{
	struct kvm_enable_cap cap = { .cap = 0x7fffffff };
	struct vm vm;

	vm_init_bare(&vm);
	CHECK_ERR(ioctl(vm.fd, KVM_ENABLE_CAP, NULL), EFAULT);
	CHECK(ioctl(vm.fd, KVM_ENABLE_CAP, &cap) == -1 && (errno == EINVAL || errno == ENOTTY));
	cap.cap = KVM_CAP_HLT;
	cap.flags = 1;
	CHECK(ioctl(vm.fd, KVM_ENABLE_CAP, &cap) == -1 && (errno == EINVAL || errno == ENOTTY));
}

TEST(halt_poll_of_a_vm)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_HALT_POLL, .args = { 50000 } };
	struct vm vm;

	need_ext(KVM_CAP_HALT_POLL);
	vm_init_bare(&vm);
	CHECK_OK(ioctl(vm.fd, KVM_ENABLE_CAP, &cap));
	cap.args[0] = 0;
	CHECK_OK(ioctl(vm.fd, KVM_ENABLE_CAP, &cap));
	cap.args[0] = 1ull << 32;
	CHECK_ERR(ioctl(vm.fd, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.args[0] = 0;
	cap.flags = 1;
	CHECK_ERR(ioctl(vm.fd, KVM_ENABLE_CAP, &cap), EINVAL);
	if (is_kvm())
		return;
	/* What KVM does not look at is refused here. */
	cap.flags = 0;
	cap.args[1] = 1;
	CHECK_ERR(ioctl(vm.fd, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.args[1] = 0;
	cap.pad[63] = 1;
	CHECK_ERR(ioctl(vm.fd, KVM_ENABLE_CAP, &cap), EINVAL);
}

TEST(vcpu_enable_cap_unknown)
{
	struct kvm_enable_cap cap = { .cap = 0x7fffffff };
	struct vcpu vcpu;
	struct vm vm;

	vm_init_bare(&vm);
	vcpu_init(&vcpu, &vm, 0);
	CHECK_ERR(ioctl(vcpu.fd, KVM_ENABLE_CAP, NULL), EFAULT);
	CHECK_ERR(ioctl(vcpu.fd, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.cap = KVM_CAP_HLT;
	CHECK_ERR(ioctl(vcpu.fd, KVM_ENABLE_CAP, &cap), EINVAL);
}

TEST(vcpu_mmap_size)
{
	int fd = open_device();
	long n = CHECK_OK(ioctl(fd, KVM_GET_VCPU_MMAP_SIZE, 0ul));

	CHECK(n >= (long)sizeof(struct kvm_run));
	CHECK_EQ(n % PAGE, 0);
	CHECK_ERR(ioctl(fd, KVM_GET_VCPU_MMAP_SIZE, 1ul), EINVAL);
}

TEST(device_fd)
{
	char buf[8] = { };
	int fd = open_device();
	int ro = CHECK_OK(open(device_path(), O_RDONLY));

	CHECK_EQ(ioctl(ro, KVM_GET_API_VERSION, 0ul), 12);
	CHECK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
	CHECK(read(fd, buf, sizeof(buf)) == -1);
	CHECK(write(fd, buf, sizeof(buf)) == -1);
}

TEST(create_vm)
{
	int dev = open_device();
	int fd = CHECK_OK(vm_create(dev));

	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CHECK_ERR(ioctl(dev, KVM_CREATE_VM, 1ul), EINVAL);
	CHECK_ERR(ioctl(dev, KVM_CREATE_VM, ~0ul), EINVAL);
}

TEST(unknown_ioctls)
{
	static const unsigned long nr[] = { _IO(KVMIO, 0xff), _IO(KVMIO, 0x3f),
					    _IOWR(KVMIO, 0xfe, u64), _IO('x', 1), 0, ~0u };
	struct vm vm;
	struct vcpu v;
	u64 arg[64] = { };
	u32 i;

	vm_init_bare(&vm);
	vcpu_init(&v, &vm, 0);
	for (i = 0; i < ARRAY_SIZE(nr); i++) {
		CHECK_UNKNOWN(ioctl(vm.dev, nr[i], arg));
		CHECK_UNKNOWN(ioctl(vm.fd, nr[i], arg));
		CHECK_UNKNOWN(ioctl(v.fd, nr[i], arg));
	}
}

/* A size other than the struct's makes another ioctl, and that one nobody knows. */
TEST(wrong_sizes)
{
	struct vm vm;
	struct vcpu v;
	u64 arg[128] = { };

	vm_init_bare(&vm);
	vcpu_init(&v, &vm, 0);
	CHECK_UNKNOWN(ioctl(vm.fd, _IOW(KVMIO, 0x46, u32), arg));
	CHECK_UNKNOWN(ioctl(v.fd, _IOR(KVMIO, 0x81, u64), arg));
	CHECK_UNKNOWN(ioctl(v.fd, _IOW(KVMIO, 0x84, u8), arg));
	CHECK_UNKNOWN(ioctl(vm.fd, _IOW(KVMIO, 0x77, u16), arg));
}

/* Each kind of fd answers its own calls only. */
TEST(ioctls_on_the_wrong_fd)
{
	struct kvm_regs regs;
	struct vm vm;
	struct vcpu v;

	vm_init_bare(&vm);
	vcpu_init(&v, &vm, 0);
	CHECK_UNKNOWN(ioctl(vm.dev, KVM_CREATE_VCPU, 0ul));
	CHECK_UNKNOWN(ioctl(vm.dev, KVM_GET_REGS, &regs));
	CHECK_UNKNOWN(ioctl(vm.fd, KVM_GET_REGS, &regs));
	CHECK_UNKNOWN(ioctl(vm.fd, KVM_RUN, 0ul));
	CHECK_UNKNOWN(ioctl(v.fd, KVM_CREATE_VCPU, 1ul));
	CHECK_UNKNOWN(ioctl(v.fd, KVM_CREATE_VM, 0ul));
}

TEST(vcpu_ids)
{
	struct vm vm;
	struct vcpu v;
	int max;

	vm_init_bare(&vm);
	vcpu_init(&v, &vm, 0);
	CHECK(fcntl(v.fd, F_GETFD) & FD_CLOEXEC);
	max = check_ext(vm.fd, KVM_CAP_MAX_VCPU_ID);
	CHECK_ERR(ioctl(vm.fd, KVM_CREATE_VCPU, 0ul), EEXIST);
	CHECK_ERR(ioctl(vm.fd, KVM_CREATE_VCPU, (unsigned long)max), EINVAL);
	CHECK_ERR(ioctl(vm.fd, KVM_CREATE_VCPU, 0xfffffffful), EINVAL);
	CHECK_OK(ioctl(vm.fd, KVM_CREATE_VCPU, 5ul));
	CHECK_ERR(ioctl(vm.fd, KVM_CREATE_VCPU, 5ul), EEXIST);
}

TEST(vcpu_mmap)
{
	struct vm vm;
	struct vcpu v;
	u8 *p;

	vm_init_bare(&vm);
	vcpu_init(&v, &vm, 0);
	CHECK_EQ(v.run->exit_reason, 0);
	v.run->immediate_exit = 1;
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, v.fd, 0);
	CHECK(p != MAP_FAILED);
	CHECK_EQ(((struct kvm_run *)p)->immediate_exit, 1);
	CHECK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, vm.fd, 0) == MAP_FAILED);
}

static void touch_past_end(void *arg)
{
	struct vcpu *v = arg;
	volatile u8 *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, v->fd, v->run_size + PAGE);
	u8 byte;

	if (p == MAP_FAILED)
		_exit(1);
	byte = p[0];
	_exit(byte ? 0 : 0);
}

TEST(vcpu_mmap_past_the_end)
{
	struct vm vm;
	struct vcpu v;

	vm_init_bare(&vm);
	vcpu_init(&v, &vm, 0);
	CHECK(!in_child(touch_past_end, &v));
}

static void calls_of_another_process(void *arg)
{
	struct vcpu *v = arg;
	struct kvm_regs r;

	CHECK_EQ(ioctl(v->vm->dev, KVM_GET_API_VERSION, 0ul), 12);
	CHECK_ERR(ioctl(v->vm->fd, KVM_CREATE_VCPU, 1ul), EIO);
	CHECK_ERR(ioctl(v->vm->fd, KVM_CREATE_IRQCHIP, 0ul), EIO);
	CHECK_ERR(set_slot(v->vm, 3, 0, 0, 0, NULL), EIO);
	CHECK_ERR(ioctl(v->fd, KVM_GET_REGS, &r), EIO);
	CHECK_ERR(ioctl(v->fd, KVM_RUN, 0ul), EIO);
}

TEST(another_process)
{
	struct vm vm;
	struct vcpu v;

	vm_init(&vm);
	vcpu_init(&v, &vm, 0);
	CHECK(in_child(calls_of_another_process, &v));
	CHECK_OK(ioctl(vm.fd, KVM_CREATE_VCPU, 1ul));
}

BLOB16(halts, "1: hlt\n jmp 1b\n");

/* The vCPU keeps its VM, the mapping keeps both. */
TEST(close_vm_first)
{
	struct vm vm;
	struct vcpu v;

	vm_init(&vm);
	vcpu_init(&v, &vm, 0);
	LOAD(&vm, halts);
	vcpu_real(&v, GPA_CODE);
	close(vm.fd);
	close(vm.dev);
	EXPECT_EXIT(&v, KVM_EXIT_HLT);
	close(v.fd);
	CHECK_EQ(v.run->exit_reason, KVM_EXIT_HLT);
	munmap(v.run, v.run_size);
}

TEST(close_vcpu_first)
{
	struct vm vm;
	struct vcpu v;

	vm_init(&vm);
	vcpu_init(&v, &vm, 0);
	LOAD(&vm, halts);
	vcpu_real(&v, GPA_CODE);
	EXPECT_EXIT(&v, KVM_EXIT_HLT);
	vcpu_free(&v);
	/* The id stays taken: a vCPU lives as long as its VM. */
	CHECK_ERR(ioctl(vm.fd, KVM_CREATE_VCPU, 0ul), EEXIST);
	vm_free(&vm);
}

TEST(close_by_exit)
{
	struct vm vm;
	struct vcpu v[4];
	u32 i;

	vm_init(&vm);
	vm_irqchip(&vm);
	for (i = 0; i < 4; i++)
		vcpu_init(&v[i], &vm, i);
}

TEST(duplicated_fds)
{
	struct vm vm;
	struct vcpu v;
	int fd;

	vm_init(&vm);
	vcpu_init(&v, &vm, 0);
	LOAD(&vm, halts);
	vcpu_real(&v, GPA_CODE);
	fd = CHECK_OK(dup(v.fd));
	close(v.fd);
	v.fd = fd;
	EXPECT_EXIT(&v, KVM_EXIT_HLT);
}

static int supported(int dev, struct kvm_cpuid2 *c, u32 nent)
{
	memset(c, 0, sizeof(*c));
	c->nent = nent;
	return ioctl(dev, KVM_GET_SUPPORTED_CPUID, c);
}

TEST(supported_cpuid)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + 256 * sizeof(c->entries[0]));
	int fd = open_device(), seen = 0;
	u32 i, n;

	CHECK_OK(supported(fd, c, 256));
	n = c->nent;
	CHECK(n > 4 && n <= 256);
	for (i = 0; i < n; i++) {
		seen |= c->entries[i].function == 0;
		seen |= (c->entries[i].function == 1) << 1;
		seen |= (c->entries[i].function == 0x40000000) << 2;
		seen |= (c->entries[i].function == 0x80000000) << 3;
	}
	CHECK_EQ(seen, 15);
	CHECK_OK(supported(fd, c, n));
	CHECK_ERR(supported(fd, c, n - 1), E2BIG);
	CHECK_ERR(supported(fd, c, 0), E2BIG);
	CHECK_ERR(ioctl(fd, KVM_GET_SUPPORTED_CPUID, NULL), EFAULT);
	CHECK_ERR(ioctl(fd, KVM_GET_SUPPORTED_CPUID, 8ul), EFAULT);
}

static int msr_list(int dev, struct kvm_msr_list *l, u32 n)
{
	l->nmsrs = n;
	return ioctl(dev, KVM_GET_MSR_INDEX_LIST, l);
}

TEST(msr_index_list)
{
	static const u32 wanted[] = { 0x10, 0x174, 0x175, 0x176, 0xc0000081, 0xc0000082,
				      0xc0000083, 0xc0000084, 0xc0000102, 0x4b564d00,
				      0x4b564d01 };
	struct kvm_msr_list *l = calloc(1, sizeof(*l) + 4096 * sizeof(u32));
	int fd = open_device();
	u32 i, j, n;

	CHECK_ERR(msr_list(fd, l, 0), E2BIG);
	n = l->nmsrs;
	CHECK(n >= ARRAY_SIZE(wanted) && n < 4096);
	CHECK_ERR(msr_list(fd, l, n - 1), E2BIG);
	CHECK_OK(msr_list(fd, l, 4096));
	CHECK_EQ(l->nmsrs, n);
	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		for (j = 0; j < n && l->indices[j] != wanted[i]; j++)
			;
		if (j == n)
			FAIL("MSR %#x is not in the list", wanted[i]);
	}
	CHECK_ERR(ioctl(fd, KVM_GET_MSR_INDEX_LIST, NULL), EFAULT);
}

/* A VMM saves and restores all that the list names, on a vCPU with full CPUID. */
TEST(listed_msrs_round_trip)
{
	struct kvm_msr_list *l = calloc(1, sizeof(*l) + 4096 * sizeof(u32));
	struct vm vm;
	struct vcpu v;
	u64 value;
	u32 i;

	vm_init(&vm);
	vm_irqchip(&vm);
	vcpu_init(&v, &vm, 0);
	vcpu_cpuid(&v);
	CHECK_OK(msr_list(vm.dev, l, 4096));
	for (i = 0; i < l->nmsrs; i++) {
		value = get_msr(&v, l->indices[i]);
		if (set_msr(&v, l->indices[i], value) != 1)
			FAIL("MSR %#x does not take its own value %#llx", l->indices[i],
			     (unsigned long long)value);
	}
}

TEST(feature_msrs)
{
	struct kvm_msr_list *l = calloc(1, sizeof(*l) + 4096 * sizeof(u32));
	struct {
		struct kvm_msrs h;
		struct kvm_msr_entry e;
	} m = { .h.nmsrs = 1 };
	int fd = open_device();
	u32 i;

	need_ext(KVM_CAP_GET_MSR_FEATURES);
	l->nmsrs = 4096;
	CHECK_OK(ioctl(fd, KVM_GET_MSR_FEATURE_INDEX_LIST, l));
	for (i = 0; i < l->nmsrs; i++) {
		m.e.index = l->indices[i];
		CHECK_EQ(ioctl(fd, KVM_GET_MSRS, &m), 1);
	}
	m.e.index = 0xdeadbeef;
	CHECK_EQ(ioctl(fd, KVM_GET_MSRS, &m), 0);
	if (l->nmsrs) {
		l->nmsrs = 0;
		CHECK_ERR(ioctl(fd, KVM_GET_MSR_FEATURE_INDEX_LIST, l), E2BIG);
	}
}

TEST(tss_and_identity_map)
{
	u64 addr = 0xfffbc000;
	struct vm vm;

	vm_init_bare(&vm);
	CHECK_OK(ioctl(vm.fd, KVM_SET_TSS_ADDR, 0xfffbd000ul));
	/* Three pages must fit under 4 GiB. */
	CHECK_ERR(ioctl(vm.fd, KVM_SET_TSS_ADDR, 0xfffff000ul), EINVAL);
	CHECK_OK(ioctl(vm.fd, KVM_SET_IDENTITY_MAP_ADDR, &addr));
	CHECK_ERR(ioctl(vm.fd, KVM_SET_IDENTITY_MAP_ADDR, NULL), EFAULT);
}

TEST(nr_mmu_pages)
{
	struct vm vm;

	vm_init_bare(&vm);
	CHECK_OK(ioctl(vm.fd, KVM_SET_NR_MMU_PAGES, 64ul));
	CHECK_OK(ioctl(vm.fd, KVM_SET_NR_MMU_PAGES, 100000ul));
	CHECK_ERR(ioctl(vm.fd, KVM_SET_NR_MMU_PAGES, 63ul), EINVAL);
	CHECK_ERR(ioctl(vm.fd, KVM_SET_NR_MMU_PAGES, 0ul), EINVAL);
}

TEST(identity_map_after_vcpu)
{
	u64 addr = 0xfffbc000;
	struct vm vm;
	struct vcpu v;

	vm_init_bare(&vm);
	vcpu_init(&v, &vm, 0);
	CHECK_ERR(ioctl(vm.fd, KVM_SET_IDENTITY_MAP_ADDR, &addr), EINVAL);
}

/* What kvmtool and Firecracker call, each on its file. With no memory behind the argument it may fail, but it is there. */
static void check_known(int fd, const unsigned long *calls, u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++)
		if (ioctl(fd, calls[i], 8ul) == -1 && errno == ENOTTY)
			FAIL("call %#lx is unknown", calls[i]);
}

TEST(calls_of_vmms)
{
	static const unsigned long system[] = {
		KVM_GET_API_VERSION, KVM_CHECK_EXTENSION, KVM_GET_VCPU_MMAP_SIZE, KVM_GET_SUPPORTED_CPUID,
		KVM_GET_MSR_INDEX_LIST, KVM_GET_MSRS, KVM_GET_MSR_FEATURE_INDEX_LIST,
	}, machine[] = {
		KVM_CHECK_EXTENSION, KVM_SET_TSS_ADDR, KVM_SET_IDENTITY_MAP_ADDR, KVM_CREATE_IRQCHIP, KVM_CREATE_PIT2,
		KVM_SET_USER_MEMORY_REGION, KVM_SET_GSI_ROUTING, KVM_IRQ_LINE, KVM_IRQ_LINE_STATUS, KVM_IOEVENTFD,
		KVM_IRQFD, KVM_SIGNAL_MSI, KVM_REGISTER_COALESCED_MMIO, KVM_UNREGISTER_COALESCED_MMIO, KVM_GET_IRQCHIP,
		KVM_SET_IRQCHIP, KVM_GET_CLOCK, KVM_SET_CLOCK, KVM_GET_PIT2, KVM_SET_PIT2, KVM_GET_DIRTY_LOG,
		KVM_CREATE_VCPU,
	}, vcpu[] = {
		KVM_SET_CPUID2, KVM_GET_CPUID2, KVM_GET_LAPIC, KVM_SET_LAPIC, KVM_GET_MSRS, KVM_SET_MSRS, KVM_GET_FPU,
		KVM_SET_FPU, KVM_GET_REGS, KVM_SET_REGS, KVM_GET_SREGS, KVM_SET_SREGS, KVM_SET_GUEST_DEBUG, KVM_NMI,
		KVM_GET_MP_STATE, KVM_SET_MP_STATE, KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS, KVM_GET_DEBUGREGS,
		KVM_SET_DEBUGREGS, KVM_GET_XSAVE, KVM_SET_XSAVE, KVM_GET_XSAVE2, KVM_GET_XCRS, KVM_SET_XCRS,
		KVM_GET_TSC_KHZ, KVM_SET_TSC_KHZ, KVM_KVMCLOCK_CTRL, KVM_SET_SIGNAL_MASK, KVM_TRANSLATE, KVM_INTERRUPT,
		KVM_SET_VAPIC_ADDR,
	};
	struct vm vm;
	struct vcpu v;

	vm_init_bare(&vm);
	check_known(vm.dev, system, ARRAY_SIZE(system));
	check_known(vm.fd, machine, ARRAY_SIZE(machine));
	vcpu_init(&v, &vm, 0);
	check_known(v.fd, vcpu, ARRAY_SIZE(vcpu));
}
