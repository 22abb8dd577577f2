// SPDX-License-Identifier: GPL-2.0-only
/* APIC ids of 32 bits: KVM_CAP_X2APIC_API, destinations beyond 255, and what KVM_GET_LAPIC shows of them. */
#include <sys/eventfd.h>
#include <unistd.h>

#include "apic.h"
#include "vm.h"

#define VECTOR 0x61
#define FAR 300		/* an id that 8 bits do not hold; 44 is what they make of it */
#define NEAR 44

#define MSI_LOGICAL 4

static int x2apic_api(struct vm *vm, u64 flags)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X2APIC_API, .args = { flags } };

	return ioctl(vm->fd, KVM_ENABLE_CAP, &cap);
}

struct machine {
	struct vm vm;
	struct vcpu v[3];	/* ids 0, NEAR, FAR */
};

static void get_lapic(struct vcpu *v, struct kvm_lapic_state *s)
{
	CHECK_OK(ioctl(v->fd, KVM_GET_LAPIC, s));
}

static u32 *reg(struct kvm_lapic_state *s, u32 offset)
{
	return (u32 *)(s->regs + offset);
}

/* On by software, and in x2APIC mode if it is to be */
static void apic_start(struct vcpu *v, bool x2apic)
{
	struct kvm_lapic_state s;
	struct kvm_sregs sregs;

	if (x2apic) {
		get_sregs(v, &sregs);
		sregs.apic_base |= APIC_BASE_X2;
		set_sregs(v, &sregs);
	}
	get_lapic(v, &s);
	*reg(&s, APIC_SVR) = 0x1ff;
	CHECK_OK(ioctl(v->fd, KVM_SET_LAPIC, &s));
}

static void start(struct machine *m, u64 api, bool x2apic)
{
	static const u32 ids[] = { 0, NEAR, FAR };
	u32 i;

	need_ext(KVM_CAP_X2APIC_API);
	vm_init(&m->vm);
	CHECK_OK(x2apic_api(&m->vm, api));
	vm_irqchip(&m->vm);
	for (i = 0; i < 3; i++) {
		vcpu_init(&m->v[i], &m->vm, ids[i]);
		vcpu_cpuid(&m->v[i]);
		apic_start(&m->v[i], x2apic);
	}
}

static bool pending(struct vcpu *v)
{
	struct kvm_lapic_state s;

	get_lapic(v, &s);
	return *reg(&s, APIC_IRR + VECTOR / 32 * 0x10) >> VECTOR % 32 & 1;
}

static void forget(struct vcpu *v)
{
	struct kvm_lapic_state s;

	get_lapic(v, &s);
	*reg(&s, APIC_IRR + VECTOR / 32 * 0x10) = 0;
	CHECK_OK(ioctl(v->fd, KVM_SET_LAPIC, &s));
}

/* Which of the three have got it: a bit each. It is taken from them. */
static u32 who(struct machine *m)
{
	u32 i, got = 0;

	for (i = 0; i < 3; i++)
		if (pending(&m->v[i])) {
			got |= 1u << i;
			forget(&m->v[i]);
		}
	return got;
}

static int msi(struct vm *vm, u32 dest, u32 low)
{
	struct kvm_msi msg = {
		.address_lo = APIC_GPA | (dest & 0xff) << 12 | low,
		.address_hi = dest & ~0xffu,
		.data = VECTOR,
	};

	return ioctl(vm->fd, KVM_SIGNAL_MSI, &msg);
}

TEST(enable)
{
	struct vcpu v;
	struct vm vm;

	need_ext(KVM_CAP_X2APIC_API);
	vm_init_bare(&vm);
	CHECK_EQ(check_ext(vm.fd, KVM_CAP_X2APIC_API),
		 KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK);
	CHECK_ERR(x2apic_api(&vm, 1 << 8), EINVAL);
	CHECK_ERR(x2apic_api(&vm, 1ull << 32), EINVAL);
	CHECK_OK(x2apic_api(&vm, 0));
	CHECK_OK(x2apic_api(&vm, KVM_X2APIC_API_USE_32BIT_IDS));
	CHECK_OK(x2apic_api(&vm, KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK));
	vm_irqchip(&vm);
	vcpu_init(&v, &vm, 0);
	/* Also late, as QEMU does not */
	CHECK_OK(x2apic_api(&vm, KVM_X2APIC_API_USE_32BIT_IDS));
}

TEST(msi_32_bits)
{
	struct kvm_msi bad = { .address_lo = APIC_GPA, .address_hi = 1, .data = VECTOR };
	struct machine m;

	start(&m, KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK, true);
	CHECK_EQ(msi(&m.vm, FAR, 0), 1);
	CHECK_EQ(who(&m), 4);
	CHECK_EQ(msi(&m.vm, NEAR, 0), 1);
	CHECK_EQ(who(&m), 2);
	/* Cluster 18 (ids 288 to 303), member 12; cluster 2, member 12 */
	CHECK_EQ(msi(&m.vm, FAR >> 4 << 16 | 1 << (FAR & 15), MSI_LOGICAL), 1);
	CHECK_EQ(who(&m), 4);
	CHECK_EQ(msi(&m.vm, NEAR >> 4 << 16 | 0xffff, MSI_LOGICAL), 1);
	CHECK_EQ(who(&m), 2);
	CHECK(msi(&m.vm, 255, 0) <= 0);
	CHECK_EQ(who(&m), 0);
	CHECK_EQ(msi(&m.vm, ~0u, 0), 3);
	CHECK_EQ(who(&m), 7);
	/* The low byte of the upper half is reserved. */
	CHECK_ERR(ioctl(m.vm.fd, KVM_SIGNAL_MSI, &bad), EINVAL);
}

/* Without KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK an MSI to 255 reaches all. */
TEST(msi_quirk)
{
	struct machine m;

	start(&m, KVM_X2APIC_API_USE_32BIT_IDS, true);
	CHECK_EQ(msi(&m.vm, 255, 0), 3);
	CHECK_EQ(who(&m), 7);
	CHECK_EQ(msi(&m.vm, FAR, 0), 1);
	CHECK_EQ(who(&m), 4);
}

/* So many that the signaller of an irqfd does not deliver what may reach all of them */
#define MANY 40
#define GSI 30

struct crowd {
	struct vm vm;
	struct vcpu v[MANY];
	int fd;
};

static void signal_crowd(struct crowd *c)
{
	u64 one = 1;

	CHECK_EQ(write(c->fd, &one, 8), 8);
}

static void irqfd_crowd(struct crowd *c, u32 flags)
{
	struct kvm_irqfd i = { .fd = c->fd, .gsi = GSI, .flags = flags };

	CHECK_OK(ioctl(c->vm.fd, KVM_IRQFD, &i));
}

/* The GSI's message, by the low and the high half of its address */
static void route_crowd(struct crowd *c, u32 dest, u32 low)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry;
	} r = {
		.head.nr = 1,
		.entry = {
			.gsi = GSI,
			.type = KVM_IRQ_ROUTING_MSI,
			.u.msi = {
				.address_lo = APIC_GPA | (dest & 0xff) << 12 | low,
				.address_hi = dest & ~0xffu,
				.data = VECTOR,
			},
		},
	};

	CHECK_OK(ioctl(c->vm.fd, KVM_SET_GSI_ROUTING, &r));
}

static void start_crowd(struct crowd *c, bool x2apic)
{
	u32 i;

	need_ext(KVM_CAP_X2APIC_API);
	vm_init(&c->vm);
	CHECK_OK(x2apic_api(&c->vm, KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK));
	vm_irqchip(&c->vm);
	for (i = 0; i < MANY; i++) {
		vcpu_init(&c->v[i], &c->vm, i);
		vcpu_cpuid(&c->v[i]);
		apic_start(&c->v[i], x2apic);
	}
	c->fd = CHECK_OK(eventfd(0, EFD_CLOEXEC));
	irqfd_crowd(c, 0);
}

/* Those of [first, end) get it, sooner or later, and nobody else. */
static void expect_crowd(struct crowd *c, u32 first, u32 end)
{
	u32 i;

	for (i = first; i < end; i++) {
		while (!pending(&c->v[i]))
			usleep(100);
		forget(&c->v[i]);
	}
	for (i = 0; i < MANY; i++)
		CHECK(!pending(&c->v[i]));
}

static void set_logical_id(struct vcpu *v, u8 id)
{
	struct kvm_lapic_state s;

	get_lapic(v, &s);
	*reg(&s, APIC_LDR) = (u32)id << 24;
	CHECK_OK(ioctl(v->fd, KVM_SET_LAPIC, &s));
}

TEST(irqfd_to_many)
{
	static struct crowd c;

	start_crowd(&c, false);
	route_crowd(&c, 39, 0);
	signal_crowd(&c);
	expect_crowd(&c, 39, 40);
	route_crowd(&c, 255, 0);
	signal_crowd(&c);
	expect_crowd(&c, 0, MANY);
	set_logical_id(&c.v[3], 1);
	set_logical_id(&c.v[4], 4);
	route_crowd(&c, 5, MSI_LOGICAL);
	signal_crowd(&c);
	expect_crowd(&c, 3, 5);
}

TEST(irqfd_to_cluster)
{
	static struct crowd c;

	start_crowd(&c, true);
	/* The second cluster of 16, but its first three */
	route_crowd(&c, 1 << 16 | 0xfff8, MSI_LOGICAL);
	signal_crowd(&c);
	expect_crowd(&c, 19, 32);
	/* The first one's eight fit 8 bits. */
	route_crowd(&c, 0xff, MSI_LOGICAL);
	signal_crowd(&c);
	expect_crowd(&c, 0, 8);
	route_crowd(&c, ~0u, 0);
	signal_crowd(&c);
	expect_crowd(&c, 0, MANY);
}

/* What was signalled before arrives before it is deassigned; or never, when the VM goes. */
TEST(irqfd_to_many_ends)
{
	static struct crowd c;
	u32 i, got;

	start_crowd(&c, false);
	route_crowd(&c, 255, 0);
	for (i = 0; i < 20; i++) {
		signal_crowd(&c);
		irqfd_crowd(&c, KVM_IRQFD_FLAG_DEASSIGN);
		for (got = 0; got < MANY && pending(&c.v[got]); got++)
			forget(&c.v[got]);
		CHECK_EQ(got, MANY);
		irqfd_crowd(&c, 0);
	}
	signal_crowd(&c);
	for (i = 0; i < MANY; i++)
		vcpu_free(&c.v[i]);
	vm_free(&c.vm);
	close(c.fd);
}

/* Userspace that knows no 32-bit ids cannot reach the far one, and sees its id shifted. */
TEST(msi_8_bits)
{
	struct kvm_lapic_state s;
	struct machine m;

	if (is_kvm())
		SKIP("the reference changes the id to what KVM_SET_LAPIC can say of it");
	start(&m, 0, true);
	CHECK_EQ(msi(&m.vm, FAR, 0), 1);
	CHECK_EQ(who(&m), 2);
	get_lapic(&m.v[1], &s);
	CHECK_EQ(*reg(&s, APIC_ID), NEAR << 24);
	get_lapic(&m.v[2], &s);
	CHECK_EQ(*reg(&s, APIC_ID), (u32)FAR << 24);
	CHECK_OK(ioctl(m.v[2].fd, KVM_SET_LAPIC, &s));
}

TEST(lapic_state)
{
	struct kvm_lapic_state s;
	struct machine m;

	start(&m, KVM_X2APIC_API_USE_32BIT_IDS, true);
	get_lapic(&m.v[2], &s);
	CHECK_EQ(*reg(&s, APIC_ID), FAR);
	CHECK_EQ(*reg(&s, APIC_LDR), FAR >> 4 << 16 | 1 << (FAR & 15));
	CHECK_OK(ioctl(m.v[2].fd, KVM_SET_LAPIC, &s));
	*reg(&s, APIC_ID) = NEAR;
	CHECK_ERR(ioctl(m.v[2].fd, KVM_SET_LAPIC, &s), EINVAL);
}

/* In xAPIC mode the register has 8 bits, but whoever sends 32 reaches the far one: that is how it is started. */
TEST(xapic_far)
{
	struct kvm_lapic_state s;
	struct machine m;

	start(&m, KVM_X2APIC_API_USE_32BIT_IDS, false);
	get_lapic(&m.v[2], &s);
	CHECK_EQ(*reg(&s, APIC_ID), (u32)FAR << 24);
	CHECK_OK(ioctl(m.v[2].fd, KVM_SET_LAPIC, &s));
	CHECK_EQ(msi(&m.vm, FAR, 0), 1);
	CHECK_EQ(who(&m), 4);
}

static void send(u64 arg)
{
	x2apic_on();
	GUEST_EQ(rdmsr(x2apic_msr(APIC_ID)), arg);
	wrmsr(x2apic_msr(APIC_ICR), (u64)FAR << 32 | VECTOR);
	guest_sync(1);
	/* Cluster, then all but itself, then all */
	wrmsr(x2apic_msr(APIC_ICR), (u64)(FAR >> 4 << 16 | 0xffff) << 32 | 0x800 | VECTOR);
	guest_sync(2);
	wrmsr(x2apic_msr(APIC_ICR), 0xc0000 | VECTOR);
	guest_sync(3);
	wrmsr(x2apic_msr(APIC_ICR), ~0ull << 32 | VECTOR);
	guest_sync(4);
	/* 255 is nobody's id, and not all to a sender with 32 bits. */
	wrmsr(x2apic_msr(APIC_ICR), 255ull << 32 | VECTOR);
	guest_done();
}

TEST(ipi)
{
	struct machine m;

	start(&m, 0, true);
	vcpu_long(&m.v[0], send, 0);
	EXPECT_SYNC(&m.v[0], 1);
	CHECK_EQ(who(&m), 4);
	EXPECT_SYNC(&m.v[0], 2);
	CHECK_EQ(who(&m), 4);
	EXPECT_SYNC(&m.v[0], 3);
	CHECK_EQ(who(&m), 6);
	EXPECT_SYNC(&m.v[0], 4);
	CHECK_EQ(who(&m), 7);
	EXPECT_DONE(&m.v[0]);
	CHECK_EQ(who(&m), 0);
}

/* The boot CPU may have any id. */
TEST(far_boot_cpu)
{
	struct vcpu v[2];
	struct vm vm;

	vm_init(&vm);
	CHECK_OK(ioctl(vm.fd, KVM_SET_BOOT_CPU_ID, (unsigned long)FAR));
	vm_irqchip(&vm);
	vcpu_init(&v[0], &vm, 0);
	vcpu_init(&v[1], &vm, FAR);
	CHECK_EQ(get_msr(&v[0], MSR_APIC_BASE) & 0x100, 0);
	CHECK_EQ(get_msr(&v[1], MSR_APIC_BASE) & 0x100, 0x100);
	vcpu_cpuid(&v[1]);
	vcpu_long(&v[1], send, FAR);
	EXPECT_SYNC(&v[1], 1);
}

#define ICR_INIT 0x4500
#define ICR_SIPI 0x4608

static void start_255(u64 arg)
{
	(void)arg;
	x2apic_on();
	wrmsr(x2apic_msr(APIC_ICR), 255ull << 32 | ICR_INIT);
	wrmsr(x2apic_msr(APIC_ICR), 255ull << 32 | ICR_SIPI);
	guest_done();
}

static u32 mp_state(struct vcpu *v)
{
	struct kvm_mp_state s;

	CHECK_OK(ioctl(v->fd, KVM_GET_MP_STATE, &s));
	return s.mp_state;
}

/* To a sender with 32 bits 255 is an id as any other, whatever mode the others are still in. */
TEST(starts_255_alone)
{
	struct vcpu v[3];
	struct vm vm;

	vm_init(&vm);
	vm_irqchip(&vm);
	vcpu_init(&v[0], &vm, 0);
	vcpu_init(&v[1], &vm, 255);
	vcpu_init(&v[2], &vm, 256);
	vcpu_cpuid(&v[0]);
	vcpu_long(&v[0], start_255, 0);
	EXPECT_DONE(&v[0]);
	CHECK_EQ(mp_state(&v[1]), KVM_MP_STATE_RUNNABLE);
	CHECK_EQ(mp_state(&v[2]), KVM_MP_STATE_UNINITIALIZED);
	CHECK_EQ(mp_state(&v[0]), KVM_MP_STATE_RUNNABLE);
}
