// SPDX-License-Identifier: GPL-2.0-only
/* The in-kernel interrupt controllers and timer: creation, state, lines, routes, messages. */
#include <signal.h>
#include <stdlib.h>

#include "apic.h"
#include "vm.h"

struct machine {
	struct vm vm;
	struct vcpu v;
};

static void start(struct machine *m)
{
	vm_init(&m->vm);
	vm_irqchip(&m->vm);
	vcpu_init(&m->v, &m->vm, 0);
	vcpu_cpuid(&m->v);
}

static int irq_line(struct vm *vm, u32 irq, u32 level)
{
	struct kvm_irq_level l = { .irq = irq, .level = level };

	return ioctl(vm->fd, KVM_IRQ_LINE, &l);
}

static s32 irq_line_status(struct vm *vm, u32 irq, u32 level)
{
	struct kvm_irq_level l = { .irq = irq, .level = level };

	CHECK_OK(ioctl(vm->fd, KVM_IRQ_LINE_STATUS, &l));
	return l.status;
}

TEST(create_order)
{
	struct kvm_pit_config pit = { };
	struct vcpu v;
	struct vm vm;

	vm_init_bare(&vm);
	/* KVM 6.1 makes a timer that is wired to nothing. */
	if (!is_kvm())
		CHECK_ERR(ioctl(vm.fd, KVM_CREATE_PIT2, &pit), ENOENT);
	vm_free(&vm);
	vm_init_bare(&vm);
	vm_irqchip(&vm);
	CHECK_ERR(ioctl(vm.fd, KVM_CREATE_IRQCHIP, 0ul), EEXIST);
	CHECK_OK(ioctl(vm.fd, KVM_CREATE_PIT2, &pit));
	CHECK_ERR(ioctl(vm.fd, KVM_CREATE_PIT2, &pit), EEXIST);
	vm_free(&vm);
	vm_init_bare(&vm);
	vcpu_init(&v, &vm, 0);
	CHECK_ERR(ioctl(vm.fd, KVM_CREATE_IRQCHIP, 0ul), EINVAL);
}

TEST(pit_refusals)
{
	struct kvm_pit_config pit = { .flags = ~0u };
	struct kvm_pit_state2 s = { };
	struct vm vm;

	vm_init_bare(&vm);
	vm_irqchip(&vm);
	CHECK_ERR(ioctl(vm.fd, KVM_GET_PIT2, &s), ENXIO);
	CHECK_ERR(ioctl(vm.fd, KVM_SET_PIT2, &s), ENXIO);
	CHECK_ERR(ioctl(vm.fd, KVM_CREATE_PIT2, NULL), EFAULT);
	if (is_kvm())
		SKIP("the reference takes unknown flags");
	CHECK_ERR(ioctl(vm.fd, KVM_CREATE_PIT2, &pit), EINVAL);
}

TEST(without_irqchip)
{
	struct kvm_irq_routing *r = calloc(1, sizeof(*r));
	struct kvm_irqchip chip = { };
	struct kvm_vapic_addr vapic = { };
	struct kvm_lapic_state apic;
	struct kvm_msi msi = { };
	struct vcpu v;
	struct vm vm;

	vm_init(&vm);
	vcpu_init(&v, &vm, 0);
	CHECK_ERR(ioctl(vm.fd, KVM_GET_IRQCHIP, &chip), ENXIO);
	CHECK_ERR(ioctl(vm.fd, KVM_SET_IRQCHIP, &chip), ENXIO);
	CHECK_ERR(irq_line(&vm, 4, 1), ENXIO);
	CHECK_ERR(ioctl(vm.fd, KVM_SIGNAL_MSI, &msi), EINVAL);
	CHECK_ERR(ioctl(vm.fd, KVM_SET_GSI_ROUTING, r), EINVAL);
	CHECK_ERR(ioctl(v.fd, KVM_GET_LAPIC, &apic), EINVAL);
	CHECK_ERR(ioctl(v.fd, KVM_SET_LAPIC, &apic), EINVAL);
	CHECK_ERR(ioctl(v.fd, KVM_SET_VAPIC_ADDR, &vapic), EINVAL);
}

TEST(irqchip_refusals)
{
	struct kvm_irqchip chip = { .chip_id = 3 };
	struct vm vm;

	vm_init(&vm);
	vm_irqchip(&vm);
	CHECK_ERR(ioctl(vm.fd, KVM_GET_IRQCHIP, &chip), EINVAL);
	CHECK_ERR(ioctl(vm.fd, KVM_SET_IRQCHIP, &chip), EINVAL);
	CHECK_ERR(ioctl(vm.fd, KVM_GET_IRQCHIP, NULL), EFAULT);
	CHECK_ERR(ioctl(vm.fd, KVM_SET_IRQCHIP, NULL), EFAULT);
	CHECK_ERR(ioctl(vm.fd, KVM_IRQ_LINE, NULL), EFAULT);
	CHECK_ERR(ioctl(vm.fd, KVM_SIGNAL_MSI, NULL), EFAULT);
}

TEST(irqchip_round_trip)
{
	struct kvm_irqchip in, out;
	struct vm vm;
	u32 i;

	vm_init(&vm);
	vm_irqchip(&vm);
	for (i = 0; i < 3; i++) {
		memset(&in, 0, sizeof(in));
		in.chip_id = i;
		CHECK_OK(ioctl(vm.fd, KVM_GET_IRQCHIP, &in));
		if (i == KVM_IRQCHIP_IOAPIC) {
			CHECK_EQ(in.chip.ioapic.base_address, IOAPIC_GPA);
			CHECK_EQ(in.chip.ioapic.redirtbl[5].fields.mask, 1);
			in.chip.ioapic.redirtbl[5].bits = 0x0100000000010035;
			in.chip.ioapic.ioregsel = 7;
		} else {
			in.chip.pic.imr = 0xa5;
			in.chip.pic.irq_base = 0x30 + 8 * i;
		}
		CHECK_OK(ioctl(vm.fd, KVM_SET_IRQCHIP, &in));
		memset(&out, 0, sizeof(out));
		out.chip_id = i;
		CHECK_OK(ioctl(vm.fd, KVM_GET_IRQCHIP, &out));
		CHECK(!memcmp(&in.chip, &out.chip, i == KVM_IRQCHIP_IOAPIC ?
			      sizeof(in.chip.ioapic) : sizeof(in.chip.pic)));
	}
}

TEST(pit_round_trip)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	struct kvm_pit_state2 in, out;
	struct vm vm;

	vm_init(&vm);
	vm_irqchip(&vm);
	CHECK_OK(ioctl(vm.fd, KVM_CREATE_PIT2, &pit));
	CHECK_OK(ioctl(vm.fd, KVM_GET_PIT2, &in));
	in.channels[2].count = 0x1234;
	in.channels[2].mode = 3;
	in.channels[2].rw_mode = 3;
	CHECK_OK(ioctl(vm.fd, KVM_SET_PIT2, &in));
	CHECK_OK(ioctl(vm.fd, KVM_GET_PIT2, &out));
	CHECK_EQ(out.channels[2].count, 0x1234);
	CHECK_EQ(out.channels[2].mode, 3);
	CHECK_EQ(out.channels[2].rw_mode, 3);
	CHECK_ERR(ioctl(vm.fd, KVM_GET_PIT2, NULL), EFAULT);
	CHECK_ERR(ioctl(vm.fd, KVM_SET_PIT2, NULL), EFAULT);
}

/* The form without flags: the channels are the same. */
TEST(pit_old_form)
{
	struct kvm_pit_config pit = { };
	struct kvm_pit_state2 both;
	struct kvm_pit_state s;
	struct vm vm;

	CHECK_EQ(sizeof(s), sizeof(both.channels));
	vm_init(&vm);
	vm_irqchip(&vm);
	CHECK_EQ(check_ext(vm.fd, KVM_CAP_PIT), 1);
	CHECK_ERR(ioctl(vm.fd, KVM_GET_PIT, &s), ENXIO);
	CHECK_OK(ioctl(vm.fd, KVM_CREATE_PIT2, &pit));
	CHECK_OK(ioctl(vm.fd, KVM_GET_PIT2, &both));
	both.flags = KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	CHECK_OK(ioctl(vm.fd, KVM_SET_PIT2, &both));
	CHECK_OK(ioctl(vm.fd, KVM_GET_PIT, &s));
	s.channels[2].count = 0x2345;
	s.channels[2].mode = 3;
	CHECK_OK(ioctl(vm.fd, KVM_SET_PIT, &s));
	CHECK_OK(ioctl(vm.fd, KVM_GET_PIT2, &both));
	CHECK_EQ(both.channels[2].count, 0x2345);
	CHECK_EQ(both.channels[2].mode, 3);
	CHECK_ERR(ioctl(vm.fd, KVM_GET_PIT, NULL), EFAULT);
	CHECK_ERR(ioctl(vm.fd, KVM_SET_PIT, NULL), EFAULT);
}

TEST(lapic_round_trip)
{
	struct kvm_lapic_state in, out;
	struct machine m;

	start(&m);
	CHECK_OK(ioctl(m.v.fd, KVM_GET_LAPIC, &in));
	CHECK_EQ(*(u32 *)&in.regs[APIC_VERSION] & 0xf0, 0x10);
	CHECK_EQ(*(u32 *)&in.regs[APIC_ID], 0);
	CHECK_EQ(*(u32 *)&in.regs[APIC_SVR], 0xff);
	*(u32 *)&in.regs[APIC_SVR] = 0x1ff;
	*(u32 *)&in.regs[APIC_TPR] = 0x20;
	*(u32 *)&in.regs[APIC_LVT0] = 0x700;
	CHECK_OK(ioctl(m.v.fd, KVM_SET_LAPIC, &in));
	CHECK_OK(ioctl(m.v.fd, KVM_GET_LAPIC, &out));
	CHECK_EQ(*(u32 *)&out.regs[APIC_SVR], 0x1ff);
	CHECK_EQ(*(u32 *)&out.regs[APIC_TPR], 0x20);
	CHECK_EQ(*(u32 *)&out.regs[APIC_LVT0], 0x700);
	CHECK_ERR(ioctl(m.v.fd, KVM_GET_LAPIC, NULL), EFAULT);
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_LAPIC, NULL), EFAULT);
}

/* QEMU gives up unless it may say that it uses no copy of the priorities. */
TEST(vapic_addr)
{
	struct kvm_vapic_addr vapic = { };
	struct machine m;

	start(&m);
	CHECK_OK(ioctl(m.v.fd, KVM_SET_VAPIC_ADDR, &vapic));
	CHECK_ERR(ioctl(m.v.fd, KVM_SET_VAPIC_ADDR, NULL), EFAULT);
	vapic.vapic_addr = 0x1000;
	if (ioctl(m.vm.fd, KVM_CHECK_EXTENSION, KVM_CAP_VAPIC) > 0)
		CHECK_OK(ioctl(m.v.fd, KVM_SET_VAPIC_ADDR, &vapic));
	else
		CHECK_ERR(ioctl(m.v.fd, KVM_SET_VAPIC_ADDR, &vapic), EINVAL);
}

static int routes(struct vm *vm, u32 nr, u32 flags, const struct kvm_irq_routing_entry *e)
{
	struct kvm_irq_routing *r = calloc(1, sizeof(*r) + sizeof(*e));
	int ret;

	r->nr = nr;
	r->flags = flags;
	if (e)
		r->entries[0] = *e;
	ret = ioctl(vm->fd, KVM_SET_GSI_ROUTING, r);
	free(r);
	return ret;
}

TEST(routing_refusals)
{
	struct kvm_irq_routing_entry good = { .gsi = 5, .type = KVM_IRQ_ROUTING_IRQCHIP,
					      .u.irqchip = { KVM_IRQCHIP_IOAPIC, 5 } };
	struct kvm_irq_routing_entry e;
	struct vm vm;

	vm_init(&vm);
	vm_irqchip(&vm);
	CHECK_OK(routes(&vm, 0, 0, NULL));
	CHECK_OK(routes(&vm, 1, 0, &good));
	CHECK_ERR(routes(&vm, 1, 1, &good), EINVAL);
	CHECK_ERR(routes(&vm, 4097, 0, &good), EINVAL);
	CHECK_ERR(routes(&vm, 0xffffffff, 0, &good), EINVAL);
	e = good;
	e.type = 99;
	CHECK_ERR(routes(&vm, 1, 0, &e), EINVAL);
	e = good;
	e.flags = 4;
	CHECK_ERR(routes(&vm, 1, 0, &e), EINVAL);
	e = good;
	e.u.irqchip.irqchip = 3;
	CHECK_ERR(routes(&vm, 1, 0, &e), EINVAL);
	e = good;
	e.u.irqchip.pin = 24;
	CHECK_ERR(routes(&vm, 1, 0, &e), EINVAL);
	e = good;
	e.gsi = 0x10000000;
	CHECK_ERR(routes(&vm, 1, 0, &e), EINVAL);
	CHECK_ERR(ioctl(vm.fd, KVM_SET_GSI_ROUTING, NULL), EFAULT);
}

/* 256 pages of entries are asked for, one is there. */
TEST(routing_bad_pointer)
{
	struct kvm_irq_routing *r;
	struct vm vm;
	u8 *p = host_alloc(PAGE, PAGE);

	vm_init(&vm);
	vm_irqchip(&vm);
	r = (struct kvm_irq_routing *)(p + PAGE - sizeof(*r));
	r->nr = 4;
	CHECK_ERR(ioctl(vm.fd, KVM_SET_GSI_ROUTING, r), EFAULT);
}

TEST(msi_refusals)
{
	struct kvm_msi msi = { .address_lo = APIC_GPA, .data = 0x40, .flags = 1u << 31 };
	struct machine m;

	start(&m);
	CHECK_ERR(ioctl(m.vm.fd, KVM_SIGNAL_MSI, &msi), EINVAL);
}

TEST(line_of_nothing)
{
	struct vm vm;

	vm_init(&vm);
	vm_irqchip(&vm);
	CHECK_EQ(irq_line_status(&vm, 4000, 1), -1);
	CHECK_EQ(irq_line_status(&vm, 0xffffffff, 1), -1);
}

static volatile u32 count, last;

static void on_apic_irq(struct guest_frame *f)
{
	count++;
	last = f->vector;
	apic_eoi();
}

static void handlers(void (*fn)(struct guest_frame *))
{
	u32 i;

	for (i = 32; i < 256; i++)
		guest_handler[i] = fn;
}

static void guest_msi(u64 arg)
{
	handlers(on_apic_irq);
	apic_on();
	guest_sync(1);
	sti();
	while (!count)
		cpu_relax();
	cli();
	GUEST_EQ(last, arg);
	GUEST_EQ(count, 1);
	guest_done();
}

TEST(signal_msi)
{
	struct kvm_msi msi = { .address_lo = APIC_GPA, .data = 0x51 };
	struct machine m;

	start(&m);
	vcpu_long(&m.v, guest_msi, 0x51);
	EXPECT_SYNC(&m.v, 1);
	CHECK_EQ(ioctl(m.vm.fd, KVM_SIGNAL_MSI, &msi), 1);
	EXPECT_DONE(&m.v);
}

/* No CPU has that id. */
TEST(signal_msi_to_nobody)
{
	struct kvm_msi msi = { .address_lo = APIC_GPA | 9 << 12, .data = 0x51 };
	struct machine m;

	start(&m);
	vcpu_long(&m.v, guest_msi, 0);
	EXPECT_SYNC(&m.v, 1);
	CHECK(ioctl(m.vm.fd, KVM_SIGNAL_MSI, &msi) <= 0);
}

TEST(msi_route)
{
	struct kvm_irq_routing_entry e = { .gsi = 40, .type = KVM_IRQ_ROUTING_MSI };
	struct machine m;

	start(&m);
	e.u.msi.address_lo = APIC_GPA;
	e.u.msi.data = 0x62;
	vcpu_long(&m.v, guest_msi, 0x62);
	EXPECT_SYNC(&m.v, 1);
	CHECK_OK(routes(&m.vm, 1, 0, &e));
	CHECK_EQ(irq_line_status(&m.vm, 40, 1), 1);
	EXPECT_DONE(&m.v);
}

static void guest_ioapic_edge(u64 arg)
{
	handlers(on_apic_irq);
	apic_on();
	GUEST_EQ(ioapic_read(1) & 0xff, 0x11 | (ioapic_read(1) & 0x20));
	GUEST_EQ(ioapic_read(1) >> 16, 23);
	ioapic_route(arg, 0x70, 0);
	GUEST_EQ(ioapic_read(0x10 + 2 * arg) & 0xff, 0x70);
	guest_sync(1);
	sti();
	while (count < 1)
		cpu_relax();
	guest_sync(2);
	while (count < 2)
		cpu_relax();
	cli();
	GUEST_EQ(last, 0x70);
	guest_done();
}

TEST(ioapic_edge)
{
	struct machine m;

	start(&m);
	vcpu_long(&m.v, guest_ioapic_edge, 20);
	EXPECT_SYNC(&m.v, 1);
	CHECK_OK(irq_line(&m.vm, 20, 1));
	EXPECT_SYNC(&m.v, 2);
	/* A line that is up already has no edge. */
	CHECK_OK(irq_line(&m.vm, 20, 1));
	CHECK_OK(irq_line(&m.vm, 20, 0));
	CHECK_OK(irq_line(&m.vm, 20, 1));
	EXPECT_DONE(&m.v);
}

/* Level: it comes again after each EOI until the device lowers the line. */
static void on_level(struct guest_frame *f)
{
	(void)f;
	if (++count == 3)
		guest_sync(3);
	apic_eoi();
}

static void guest_ioapic_level(u64 arg)
{
	u32 i;

	handlers(on_level);
	apic_on();
	ioapic_route(arg, 0x71 | IOAPIC_LEVEL, 0);
	guest_sync(1);
	sti();
	while (count < 3)
		cpu_relax();
	for (i = 0; i < 1000; i++)
		cpu_relax();
	GUEST_EQ(count, 3);
	guest_done();
}

TEST(ioapic_level)
{
	struct machine m;

	start(&m);
	vcpu_long(&m.v, guest_ioapic_level, 21);
	EXPECT_SYNC(&m.v, 1);
	CHECK_OK(irq_line(&m.vm, 21, 1));
	EXPECT_SYNC(&m.v, 3);
	CHECK_OK(irq_line(&m.vm, 21, 0));
	EXPECT_DONE(&m.v);
}

static void guest_ioapic_masked(u64 arg)
{
	u32 i;

	handlers(on_apic_irq);
	apic_on();
	ioapic_route(arg, 0x72 | IOAPIC_LEVEL | IOAPIC_MASKED, 0);
	guest_sync(1);
	sti();
	for (i = 0; i < 1000; i++)
		cpu_relax();
	GUEST_EQ(count, 0);
	ioapic_route(arg, 0x72 | IOAPIC_LEVEL, 0);
	while (!count)
		cpu_relax();
	ioapic_route(arg, 0x72 | IOAPIC_LEVEL | IOAPIC_MASKED, 0);
	guest_done();
}

TEST(ioapic_masked)
{
	struct machine m;

	start(&m);
	vcpu_long(&m.v, guest_ioapic_masked, 22);
	EXPECT_SYNC(&m.v, 1);
	CHECK_OK(irq_line(&m.vm, 22, 1));
	EXPECT_DONE(&m.v);
}

static void on_pic_irq(struct guest_frame *f)
{
	count++;
	last = f->vector;
	if (f->vector >= 0x28)
		outb(0xa0, 0x20);
	outb(0x20, 0x20);
}

static void guest_pic(u64 arg)
{
	handlers(on_pic_irq);
	pic_on(0x20);
	guest_sync(1);
	sti();
	while (!count)
		cpu_relax();
	cli();
	GUEST_EQ(last, arg);
	guest_done();
}

static void pic(u32 line)
{
	struct machine m;

	start(&m);
	vcpu_long(&m.v, guest_pic, 0x20 + line);
	EXPECT_SYNC(&m.v, 1);
	CHECK_OK(irq_line(&m.vm, line, 1));
	EXPECT_DONE(&m.v);
}

TEST(pic_master) { pic(5); }
TEST(pic_slave) { pic(11); }

static void guest_pic_registers(u64 arg)
{
	(void)arg;
	pic_on(0x20);
	outb(0x21, 0xaa);
	outb(0xa1, 0x55);
	GUEST_EQ(inb(0x21), 0xaa);
	GUEST_EQ(inb(0xa1), 0x55);
	guest_sync(1);
	outb(0x20, 0x0a);
	GUEST_EQ(inb(0x20), 1 << 3);
	outb(0x20, 0x0b);
	GUEST_EQ(inb(0x20), 0);
	guest_done();
}

TEST(pic_registers)
{
	struct machine m;

	start(&m);
	vcpu_long(&m.v, guest_pic_registers, 0);
	EXPECT_SYNC(&m.v, 1);
	CHECK_OK(irq_line(&m.vm, 3, 1));
	EXPECT_DONE(&m.v);
}

static void guest_pit(u64 arg)
{
	handlers(on_pic_irq);
	pic_on(0x20);
	outb(0x21, 0xfe);
	/* Channel 0, both bytes, rate generator, 1193 Hz. */
	outb(0x43, 0x34);
	outb(0x40, 0xe8);
	outb(0x40, 0x03);
	while (count < arg)
		sti_hlt_cli();
	GUEST_EQ(last, 0x20);
	guest_done();
}

TEST(pit_periodic)
{
	struct kvm_pit_config pit = { };
	struct machine m;

	vm_init(&m.vm);
	vm_irqchip(&m.vm);
	CHECK_OK(ioctl(m.vm.fd, KVM_CREATE_PIT2, &pit));
	vcpu_init(&m.v, &m.vm, 0);
	vcpu_long(&m.v, guest_pit, 5);
	EXPECT_DONE(&m.v);
}

static void guest_pit_counts(u64 arg)
{
	u16 a, b;

	(void)arg;
	/* Channel 2, gate open, both bytes, one-shot from 0xffff; then two latched reads. */
	outb(0x61, 1);
	outb(0x43, 0xb0);
	outb(0x42, 0xff);
	outb(0x42, 0xff);
	outb(0x43, 0x80);
	a = inb(0x42);
	a |= inb(0x42) << 8;
	outb(0x43, 0x80);
	b = inb(0x42);
	b |= inb(0x42) << 8;
	GUEST_CHECK(b <= a);
	GUEST_CHECK(a > 0x100);
	guest_done();
}

TEST(pit_counter)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	struct machine m;

	vm_init(&m.vm);
	vm_irqchip(&m.vm);
	CHECK_OK(ioctl(m.vm.fd, KVM_CREATE_PIT2, &pit));
	vcpu_init(&m.v, &m.vm, 0);
	vcpu_long(&m.v, guest_pit_counts, 0);
	EXPECT_DONE(&m.v);
}

static void guest_sleeps(u64 arg)
{
	handlers(on_apic_irq);
	apic_on();
	ioapic_route(arg, 0x70, 0);
	guest_sync(1);
	while (!count)
		sti_hlt_cli();
	guest_done();
}

TEST(line_wakes_hlt)
{
	struct machine m;

	start(&m);
	vcpu_long(&m.v, guest_sleeps, 20);
	EXPECT_SYNC(&m.v, 1);
	vcpu_start(&m.v);
	sleep_ms(50);
	CHECK_OK(irq_line(&m.vm, 20, 1));
	vcpu_join(&m.v);
}

static void *run_once(void *arg)
{
	CHECK_ERR(vcpu_run_raw(arg), EINTR);
	return NULL;
}

/* KVM_NMI waits for KVM_RUN to end, as all of a vCPU's ioctls do. */
TEST(nmi_wakes_hlt)
{
	struct machine m;
	pthread_t t;

	install_kick();
	start(&m);
	vcpu_long(&m.v, guest_sleeps, 20);
	EXPECT_SYNC(&m.v, 1);
	GUEST_VAR(&m.vm, guest_handler[2]) = on_apic_irq;
	CHECK_EQ(pthread_create(&t, NULL, run_once, &m.v), 0);
	sleep_ms(50);
	kick_and_join(t, NULL);
	CHECK_OK(ioctl(m.v.fd, KVM_NMI, 0ul));
	EXPECT_DONE(&m.v);
}
