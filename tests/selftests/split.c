// SPDX-License-Identifier: GPL-2.0-only
/* A split irqchip: local APICs in the kernel, 8259s and IOAPIC in userspace, which is this program. */
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "apic.h"
#include "vm.h"

#define PINS 24
#define VECTOR 0x51

struct machine {
	struct vm vm;
	struct vcpu v;
};

static int split(struct vm *vm, u64 pins)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { pins } };

	return ioctl(vm->fd, KVM_ENABLE_CAP, &cap);
}

static void start(struct machine *m)
{
	need_ext(KVM_CAP_SPLIT_IRQCHIP);
	vm_init(&m->vm);
	CHECK_OK(split(&m->vm, PINS));
	vcpu_init(&m->v, &m->vm, 0);
	vcpu_cpuid(&m->v);
}

static int irq_line(struct vm *vm, u32 irq, u32 level)
{
	struct kvm_irq_level l = { .irq = irq, .level = level };

	return ioctl(vm->fd, KVM_IRQ_LINE, &l);
}

/* Pin @gsi of the IOAPIC sends @vector to local APIC 0. */
static int route(struct vm *vm, u32 gsi, u8 vector, bool level)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry;
	} r = {
		.head.nr = 1,
		.entry = {
			.gsi = gsi,
			.type = KVM_IRQ_ROUTING_MSI,
			.u.msi = { .address_lo = APIC_GPA, .data = vector | (level ? 0xc000 : 0) },
		},
	};

	return ioctl(vm->fd, KVM_SET_GSI_ROUTING, &r);
}

TEST(enable)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { PINS } };
	struct vcpu v;
	struct vm vm;

	need_ext(KVM_CAP_SPLIT_IRQCHIP);
	vm_init_bare(&vm);
	CHECK_ERR(split(&vm, 4097), EINVAL);
	CHECK_ERR(split(&vm, 1ull << 32), EINVAL);
	cap.flags = 1;
	CHECK_ERR(ioctl(vm.fd, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.flags = 0;
	if (!is_kvm()) {
		cap.args[1] = 1;
		CHECK_ERR(ioctl(vm.fd, KVM_ENABLE_CAP, &cap), EINVAL);
		cap.args[1] = 0;
	}
	CHECK_OK(split(&vm, PINS));
	CHECK_ERR(split(&vm, PINS), EEXIST);
	CHECK_ERR(ioctl(vm.fd, KVM_CREATE_IRQCHIP, 0ul), EEXIST);
	vm_free(&vm);

	vm_init_bare(&vm);
	vm_irqchip(&vm);
	CHECK_ERR(split(&vm, PINS), EEXIST);
	vm_free(&vm);

	vm_init_bare(&vm);
	vcpu_init(&v, &vm, 0);
	CHECK_ERR(split(&vm, PINS), EEXIST);
	/* It is the VM's, not a vCPU's. */
	CHECK_ERR(ioctl(v.fd, KVM_ENABLE_CAP, &cap), EINVAL);
}

/* What needs a chip that is in userspace is refused; what needs local APICs only is there. */
TEST(refusals)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry;
	} pin = { .head.nr = 1, .entry = { .gsi = 4, .type = KVM_IRQ_ROUTING_IRQCHIP } };
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	struct kvm_pit_config pit = { };
	struct kvm_lapic_state apic;
	struct machine m;

	start(&m);
	CHECK_ERR(ioctl(m.vm.fd, KVM_GET_IRQCHIP, &chip), ENXIO);
	CHECK_ERR(ioctl(m.vm.fd, KVM_SET_IRQCHIP, &chip), ENXIO);
	/* KVM 6.1 makes a timer that is wired to nothing. */
	if (!is_kvm())
		CHECK_ERR(ioctl(m.vm.fd, KVM_CREATE_PIT2, &pit), ENOENT);
	CHECK_ERR(ioctl(m.vm.fd, KVM_SET_GSI_ROUTING, &pin), EINVAL);
	CHECK_OK(ioctl(m.v.fd, KVM_GET_LAPIC, &apic));
	/* A line without a route */
	CHECK_OK(irq_line(&m.vm, 4, 1));
}

static u32 interrupts;

static void count_and_end(struct guest_frame *f)
{
	(void)f;
	ACCESS(interrupts)++;
	apic_eoi();
}

static void two_interrupts(u64 arg)
{
	(void)arg;
	guest_handler[VECTOR] = count_and_end;
	apic_on();
	guest_sync(1);
	sti_hlt_cli();
	GUEST_EQ(ACCESS(interrupts), 1);
	guest_sync(2);
	sti_hlt_cli();
	GUEST_EQ(ACCESS(interrupts), 2);
	guest_done();
}

TEST(level_eoi_exits)
{
	struct machine m;

	start(&m);
	CHECK_OK(route(&m.vm, 5, VECTOR, true));
	vcpu_long(&m.v, two_interrupts, 0);
	EXPECT_SYNC(&m.v, 1);
	CHECK_OK(irq_line(&m.vm, 5, 1));
	EXPECT_EXIT(&m.v, KVM_EXIT_IOAPIC_EOI);
	CHECK_EQ(m.v.run->eoi.vector, VECTOR);
	EXPECT_SYNC(&m.v, 2);
	/* Nothing was left in service. */
	CHECK_OK(irq_line(&m.vm, 5, 1));
	EXPECT_EXIT(&m.v, KVM_EXIT_IOAPIC_EOI);
	EXPECT_DONE(&m.v);
}

TEST(edge_eoi_does_not)
{
	struct machine m;

	start(&m);
	CHECK_OK(route(&m.vm, 5, VECTOR, false));
	vcpu_long(&m.v, two_interrupts, 0);
	EXPECT_SYNC(&m.v, 1);
	CHECK_OK(irq_line(&m.vm, 5, 1));
	EXPECT_SYNC(&m.v, 2);
	/* The route turns to level, and so does the EOI. */
	CHECK_OK(route(&m.vm, 5, VECTOR, true));
	CHECK_OK(irq_line(&m.vm, 5, 1));
	EXPECT_EXIT(&m.v, KVM_EXIT_IOAPIC_EOI);
	EXPECT_DONE(&m.v);
}

static void x2apic_end(struct guest_frame *f)
{
	(void)f;
	ACCESS(interrupts)++;
	wrmsr(x2apic_msr(APIC_EOI), 0);
}

static void x2apic_interrupts(u64 arg)
{
	u32 i;

	guest_handler[VECTOR] = x2apic_end;
	x2apic_on();
	for (i = 0; i < arg; i++) {
		guest_sync(1 + i);
		sti_hlt_cli();
		GUEST_EQ(ACCESS(interrupts), i + 1);
	}
	guest_done();
}

TEST(level_eoi_exits_x2apic)
{
	struct machine m;
	u32 i;

	start(&m);
	vcpu_long(&m.v, x2apic_interrupts, 4);
	for (i = 0; i < 4; i++) {
		EXPECT_SYNC(&m.v, i + 1);
		CHECK_OK(route(&m.vm, 5, VECTOR, i & 1));
		CHECK_OK(irq_line(&m.vm, 5, 1));
		if (i & 1)
			EXPECT_EXIT(&m.v, KVM_EXIT_IOAPIC_EOI);
	}
	EXPECT_DONE(&m.v);
}

static void count_interrupt(struct guest_frame *f)
{
	(void)f;
	ACCESS(interrupts)++;
}

#define LINT0_EXTINT 0x700
#define LVT_MASKED 0x10000

/* While LINT0 is masked, no interrupt comes. */
static void wait_for_pic(u64 arg)
{
	(void)arg;
	guest_handler[VECTOR] = count_interrupt;
	apic_on();
	apic_write(APIC_LVT0, LINT0_EXTINT);
	guest_sync(1);
	/* Not PAUSE, which in QEMU keeps the shadow of STI alive. */
	asm volatile("sti; nop; nop; cli" : : : "memory");
	guest_sync(2);
	sti_hlt_cli();
	GUEST_EQ(ACCESS(interrupts), 2);
	apic_write(APIC_LVT0, LINT0_EXTINT | LVT_MASKED);
	sti();
	guest_sync(3);
	guest_sync(4);
	GUEST_EQ(ACCESS(interrupts), 2);
	apic_write(APIC_LVT0, LINT0_EXTINT);
	asm volatile("nop; nop" : : : "memory");
	GUEST_EQ(ACCESS(interrupts), 3);
	guest_done();
}

static int interrupt(struct vcpu *v, u32 vector)
{
	struct kvm_interrupt in = { .irq = vector };

	return ioctl(v->fd, KVM_INTERRUPT, &in);
}

/* An 8259 here asks when the vCPU takes interrupts, and gives it one. */
TEST(pic)
{
	struct machine m;

	start(&m);
	vcpu_long(&m.v, wait_for_pic, 0);
	EXPECT_SYNC(&m.v, 1);
	CHECK_EQ(m.v.run->if_flag, 0);
	CHECK_EQ(m.v.run->ready_for_interrupt_injection, 0);
	m.v.run->request_interrupt_window = 1;
	EXPECT_EXIT(&m.v, KVM_EXIT_IRQ_WINDOW_OPEN);
	CHECK_EQ(m.v.run->if_flag, 1);
	CHECK_EQ(m.v.run->ready_for_interrupt_injection, 1);
	m.v.run->request_interrupt_window = 0;
	CHECK_ERR(interrupt(&m.v, 256), EINVAL);
	CHECK_OK(interrupt(&m.v, VECTOR));
	CHECK_ERR(interrupt(&m.v, VECTOR), EEXIST);
	EXPECT_SYNC(&m.v, 2);
	CHECK_EQ(GUEST_VAR(&m.vm, interrupts), 1);
	/* One that comes while the guest cannot take it waits in the kernel. */
	CHECK_OK(interrupt(&m.v, VECTOR));

	EXPECT_SYNC(&m.v, 3);
	CHECK_EQ(m.v.run->if_flag, 1);
	/* LINT0 is masked: no window opens. */
	CHECK_EQ(m.v.run->ready_for_interrupt_injection, 0);
	m.v.run->request_interrupt_window = 1;
	EXPECT_SYNC(&m.v, 4);
	EXPECT_EXIT(&m.v, KVM_EXIT_IRQ_WINDOW_OPEN);
	CHECK_EQ(m.v.run->ready_for_interrupt_injection, 1);
	m.v.run->request_interrupt_window = 0;
	CHECK_OK(interrupt(&m.v, VECTOR));
	EXPECT_DONE(&m.v);
}

/* What the 8259 gives while LINT0 is masked stays until it is open. */
TEST(pic_waits)
{
	struct machine m;

	if (is_kvm())
		SKIP("the reference does not look again when LINT0 opens");
	start(&m);
	vcpu_long(&m.v, wait_for_pic, 0);
	EXPECT_SYNC(&m.v, 1);
	CHECK_OK(interrupt(&m.v, VECTOR));
	EXPECT_SYNC(&m.v, 2);
	CHECK_OK(interrupt(&m.v, VECTOR));
	EXPECT_SYNC(&m.v, 3);
	CHECK_OK(interrupt(&m.v, VECTOR));
	EXPECT_SYNC(&m.v, 4);
	CHECK_ERR(interrupt(&m.v, VECTOR), EEXIST);
	EXPECT_DONE(&m.v);
}

/* As after power-up: LINT0 is open, and an APIC that is off does not stand in the way. */
TEST(pic_without_apic)
{
	struct kvm_sregs s;
	struct machine m;

	start(&m);
	vcpu_long(&m.v, two_interrupts, 0);
	EXPECT_SYNC(&m.v, 1);
	get_sregs(&m.v, &s);
	s.apic_base &= ~(u64)APIC_BASE_ON;
	set_sregs(&m.v, &s);
	CHECK_OK(interrupt(&m.v, VECTOR));
	/* The end of it goes to the page where no APIC is. */
	while (vcpu_run(&m.v) == KVM_EXIT_MMIO)
		;
	CHECK_EQ(m.v.run->exit_reason, KVM_EXIT_IO);
	CHECK_EQ(GUEST_VAR(&m.vm, interrupts), 1);
}

static void *raise_later(void *arg)
{
	struct machine *m = arg;

	sleep_ms(20);
	CHECK_OK(irq_line(&m->vm, 5, 1));
	return NULL;
}

/* A halted vCPU is woken by a line, and its EOI comes to whoever runs it. */
TEST(halted)
{
	struct machine m;
	pthread_t t;

	start(&m);
	CHECK_OK(route(&m.vm, 5, VECTOR, true));
	vcpu_long(&m.v, two_interrupts, 0);
	EXPECT_SYNC(&m.v, 1);
	CHECK_EQ(pthread_create(&t, NULL, raise_later, &m), 0);
	EXPECT_EXIT(&m.v, KVM_EXIT_IOAPIC_EOI);
	EXPECT_SYNC(&m.v, 2);
	pthread_join(t, NULL);
	CHECK_OK(irq_line(&m.vm, 5, 1));
	EXPECT_EXIT(&m.v, KVM_EXIT_IOAPIC_EOI);
	EXPECT_DONE(&m.v);
}

/* Devices of other processes raise lines of the IOAPIC here by its routes, and messages of their own. */
TEST(irqfds)
{
	struct kvm_irqfd fd = { .fd = eventfd(0, 0), .gsi = 5 }, resample;
	u64 one = 1;
	struct machine m;

	start(&m);
	resample = fd;
	resample.flags = KVM_IRQFD_FLAG_RESAMPLE;
	resample.resamplefd = eventfd(0, 0);
	/* The line that is to fall is in userspace. */
	CHECK_ERR(ioctl(m.vm.fd, KVM_IRQFD, &resample), EINVAL);
	CHECK_OK(route(&m.vm, 5, VECTOR, true));
	CHECK_OK(ioctl(m.vm.fd, KVM_IRQFD, &fd));
	vcpu_long(&m.v, two_interrupts, 0);
	EXPECT_SYNC(&m.v, 1);
	CHECK_EQ(write(fd.fd, &one, sizeof(one)), sizeof(one));
	EXPECT_EXIT(&m.v, KVM_EXIT_IOAPIC_EOI);
	EXPECT_SYNC(&m.v, 2);
	CHECK_OK(route(&m.vm, 5, VECTOR, false));
	CHECK_EQ(write(fd.fd, &one, sizeof(one)), sizeof(one));
	EXPECT_DONE(&m.v);
}

#define HOLE 0xd0000000ul	/* nobody's memory */

/* One instruction that asks userspace for a word and then ends the interrupt. */
static void end_by_movs(struct guest_frame *f)
{
	u64 to = APIC_GPA + APIC_EOI, from = HOLE;

	(void)f;
	ACCESS(interrupts)++;
	asm volatile("movsl" : "+S"(from), "+D"(to) : : "memory");
}

static void interrupts_ended_by_movs(u64 arg)
{
	(void)arg;
	guest_handler[VECTOR] = end_by_movs;
	apic_on();
	guest_sync(1);
	sti_hlt_cli();
	guest_sync(2);
	sti_hlt_cli();
	guest_done();
}

static void interrupt_till_movs(struct machine *m)
{
	CHECK_OK(irq_line(&m->vm, 5, 1));
	EXPECT_EXIT(&m->v, KVM_EXIT_MMIO);
	CHECK_EQ(m->v.run->mmio.phys_addr, HOLE);
}

/* No call shows that an EOI has yet to be told: so it is told even where the guest may not be entered. */
TEST(eoi_is_not_left_behind)
{
	struct {
		struct kvm_signal_mask head;
		u64 set;
	} __attribute__((packed)) mask = { .head.len = 8 };
	struct machine m;
	sigset_t set;

	if (is_kvm())
		SKIP("the reference tells it at the next entry");
	start(&m);
	CHECK_OK(route(&m.vm, 5, VECTOR, true));
	vcpu_long(&m.v, interrupts_ended_by_movs, 0);
	EXPECT_SYNC(&m.v, 1);
	interrupt_till_movs(&m);
	m.v.run->immediate_exit = 1;
	EXPECT_EXIT(&m.v, KVM_EXIT_IOAPIC_EOI);
	CHECK_EQ(m.v.run->eoi.vector, VECTOR);
	CHECK_ERR(vcpu_run_raw(&m.v), EINTR);
	m.v.run->immediate_exit = 0;
	EXPECT_SYNC(&m.v, 2);
	interrupt_till_movs(&m);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	CHECK_OK(ioctl(m.v.fd, KVM_SET_SIGNAL_MASK, &mask));
	pthread_kill(pthread_self(), SIGUSR1);
	EXPECT_EXIT(&m.v, KVM_EXIT_IOAPIC_EOI);
	CHECK_ERR(vcpu_run_raw(&m.v), EINTR);
	CHECK_OK(ioctl(m.v.fd, KVM_SET_SIGNAL_MASK, NULL));
	EXPECT_DONE(&m.v);
}
