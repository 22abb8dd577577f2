// SPDX-License-Identifier: GPL-2.0-only
/*
 * GSI routes, the buses and the PIT's timer, in a VM with a local APIC that never runs.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/mm.h>

#include "irq/chips.h"
#include "irq/lapic.h"
#include "warren.h"

#define LAPIC_BASE	APIC_DEFAULT_PHYS_BASE
#define IOAPIC_BASE	0xfec00000ull
#define LEVEL		BIT(15)

struct fixture {
	struct wr_vm vm;
	struct wr_vcpu vcpu;
};

static void add_vcpu(struct kunit *test, struct fixture *fix)
{
	struct wr_vcpu *vcpu = &fix->vcpu;
	u32 enable = APIC_SPIV_APIC_ENABLED | 0xff;

	vcpu->vm = &fix->vm;
	vcpu->cpu = -1;
	rcuwait_init(&vcpu->wait);
	KUNIT_ASSERT_EQ(test, wr_lapic_create(vcpu), 0);
	KUNIT_ASSERT_EQ(test, xa_err(xa_store(&fix->vm.vcpus, 0, vcpu, GFP_KERNEL)), 0);
	fix->vm.created_vcpus = 1;
	atomic_inc(&fix->vm.online_vcpus);
	wr_lapic_ids_add(vcpu);
	wr_lapic_mmio_write(vcpu, LAPIC_BASE + APIC_SPIV, sizeof(enable), &enable);
}

static int route_setup(struct kunit *test)
{
	struct fixture *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fix);
	test->priv = fix;
	mutex_init(&fix->vm.lock);
	xa_init(&fix->vm.vcpus);
	KUNIT_ASSERT_EQ(test, wr_bus_init(&fix->vm), 0);
	KUNIT_ASSERT_EQ(test, wr_irq_init(&fix->vm), 0);
	mutex_lock(&fix->vm.lock);
	return 0;
}

static void route_teardown(struct kunit *test)
{
	struct fixture *fix = test->priv;

	mutex_unlock(&fix->vm.lock);
	wr_irq_exit(&fix->vm);
	wr_bus_exit(&fix->vm);
	if (fix->vcpu.lapic)
		wr_lapic_destroy(&fix->vcpu);
	wr_lapic_ids_free(&fix->vm);
	xa_destroy(&fix->vm.vcpus);
}

static void make_irqchip(struct kunit *test)
{
	struct fixture *fix = test->priv;

	KUNIT_ASSERT_EQ(test, wr_irqchip_create(&fix->vm), 0);
	add_vcpu(test, fix);
}

static void wr_ioapic(struct fixture *fix, u32 reg, u32 value)
{
	wr_bus_write(&fix->vcpu, WR_BUS_MMIO, IOAPIC_BASE, sizeof(reg), &reg);
	wr_bus_write(&fix->vcpu, WR_BUS_MMIO, IOAPIC_BASE + 0x10, sizeof(value), &value);
}

static void out(struct fixture *fix, u16 port, u8 value)
{
	wr_bus_write(&fix->vcpu, WR_BUS_PIO, port, 1, &value);
}

static int pending(struct fixture *fix)
{
	int vector = wr_lapic_pending(&fix->vcpu);
	u32 zero = 0;

	if (vector < 0)
		return vector;
	wr_lapic_accept(&fix->vcpu, vector);
	wr_lapic_mmio_write(&fix->vcpu, LAPIC_BASE + APIC_EOI, sizeof(zero), &zero);
	return vector;
}

static struct kvm_irq_routing_entry chip_entry(u32 gsi, u32 chip, u32 pin)
{
	return (struct kvm_irq_routing_entry) {
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = chip, .pin = pin },
	};
}

static struct kvm_irq_routing_entry msi_entry(u32 gsi, u8 vector)
{
	return (struct kvm_irq_routing_entry) {
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = 0xfee00000, .data = vector },
	};
}

static void creation_errors(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	struct kvm_irq_routing_entry entry = msi_entry(1, 0x31);
	struct kvm_pit_config config = {};

	KUNIT_EXPECT_EQ(test, wr_irq_set_routes(&fix->vm, &entry, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, wr_irqchip_get(&fix->vm, &chip), -ENXIO);
	KUNIT_EXPECT_EQ(test, wr_pit_create(&fix->vm, &config), -ENOENT);
	KUNIT_EXPECT_EQ(test, wr_irq_set(&fix->vm, 1, 1, WR_IRQ_SOURCE_USER), -ENXIO);
	KUNIT_EXPECT_EQ(test, wr_irqchip_split(&fix->vm, WR_MAX_GSI + 1), -EINVAL);
	fix->vm.created_vcpus = 1;
	KUNIT_EXPECT_EQ(test, wr_irqchip_create(&fix->vm), -EINVAL);
	fix->vm.created_vcpus = 0;
	make_irqchip(test);
	KUNIT_EXPECT_EQ(test, wr_irqchip_create(&fix->vm), -EEXIST);
	KUNIT_EXPECT_EQ(test, wr_irqchip_split(&fix->vm, 24), -EEXIST);
	chip.chip_id = 3;
	KUNIT_EXPECT_EQ(test, wr_irqchip_get(&fix->vm, &chip), -EINVAL);
	KUNIT_EXPECT_EQ(test, wr_irqchip_set(&fix->vm, &chip), -EINVAL);
}

static void default_routes(struct kunit *test)
{
	struct fixture *fix = test->priv;

	make_irqchip(test);
	wr_ioapic(fix, 0x10 + 2 * 20, 0x41);
	KUNIT_EXPECT_EQ(test, wr_irq_set(&fix->vm, 20, 1, WR_IRQ_SOURCE_USER), 1);
	KUNIT_EXPECT_EQ(test, pending(fix), 0x41);
	/* GSI 4 reaches both: the IOAPIC's pin is masked, the PIC's not. */
	KUNIT_EXPECT_EQ(test, wr_irq_set(&fix->vm, 4, 1, WR_IRQ_SOURCE_USER), 1);
	KUNIT_EXPECT_TRUE(test, wr_pic_pending(&fix->vm));
	out(fix, 0x21, 0x10);
	KUNIT_EXPECT_EQ(test, wr_irq_set(&fix->vm, 4, 1, WR_IRQ_SOURCE_USER), -1);
	KUNIT_EXPECT_EQ(test, wr_irq_set(&fix->vm, 24, 1, WR_IRQ_SOURCE_USER), -1);
	KUNIT_EXPECT_EQ(test, wr_irq_set(&fix->vm, ~0u, 1, WR_IRQ_SOURCE_USER), -1);
}

static void new_routes(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kvm_irq_routing_entry table[] = {
		msi_entry(4095, 0x61),
		chip_entry(7, KVM_IRQCHIP_IOAPIC, 20),
		msi_entry(9, 0x62),
		chip_entry(7, KVM_IRQCHIP_PIC_SLAVE, 3),
	};

	make_irqchip(test);
	KUNIT_EXPECT_EQ(test, wr_irq_set_routes(&fix->vm, table, ARRAY_SIZE(table)), 0);
	KUNIT_EXPECT_EQ(test, wr_irq_set(&fix->vm, 4095, 1, WR_IRQ_SOURCE_USER), 1);
	KUNIT_EXPECT_EQ(test, pending(fix), 0x61);
	KUNIT_EXPECT_EQ(test, wr_irq_set(&fix->vm, 4095, 0, WR_IRQ_SOURCE_USER), -1);
	KUNIT_EXPECT_EQ(test, pending(fix), -1);
	KUNIT_EXPECT_EQ(test, wr_irq_set(&fix->vm, 9, 1, WR_IRQ_SOURCE_USER), 1);
	/* The same vector again merges. */
	KUNIT_EXPECT_EQ(test, wr_irq_set(&fix->vm, 9, 1, WR_IRQ_SOURCE_USER), 0);
	KUNIT_EXPECT_EQ(test, pending(fix), 0x62);
	wr_ioapic(fix, 0x10 + 2 * 20, 0x41);
	KUNIT_EXPECT_EQ(test, wr_irq_set(&fix->vm, 7, 1, WR_IRQ_SOURCE_USER), 2);
	KUNIT_EXPECT_EQ(test, pending(fix), 0x41);
	KUNIT_EXPECT_TRUE(test, wr_pic_pending(&fix->vm));
	/* None at all is a table too. */
	KUNIT_EXPECT_EQ(test, wr_irq_set_routes(&fix->vm, NULL, 0), 0);
	KUNIT_EXPECT_EQ(test, wr_irq_set(&fix->vm, 0, 1, WR_IRQ_SOURCE_USER), -1);
}

static void refuse(struct kunit *test, struct kvm_irq_routing_entry first,
		   struct kvm_irq_routing_entry second)
{
	struct fixture *fix = test->priv;
	struct kvm_irq_routing_entry table[] = { first, second };

	KUNIT_EXPECT_EQ(test, wr_irq_set_routes(&fix->vm, table, 2), -EINVAL);
}

static void invalid_routes(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kvm_irq_routing_entry good = msi_entry(30, 0x31), bad;

	make_irqchip(test);
	refuse(test, good, good);
	refuse(test, good, msi_entry(WR_MAX_GSI, 0x31));
	refuse(test, good, chip_entry(30, KVM_IRQCHIP_IOAPIC, 3));
	refuse(test, good, chip_entry(3, KVM_NR_IRQCHIPS, 3));
	refuse(test, good, chip_entry(3, KVM_IRQCHIP_IOAPIC, 24));
	refuse(test, good, chip_entry(3, KVM_IRQCHIP_PIC_MASTER, 8));
	refuse(test, chip_entry(3, KVM_IRQCHIP_IOAPIC, 3), chip_entry(3, KVM_IRQCHIP_IOAPIC, 4));
	bad = good;
	bad.gsi = 31;
	bad.flags = BIT(1);
	refuse(test, good, bad);
	bad.flags = 0;
	bad.type = KVM_IRQ_ROUTING_HV_SINT;
	refuse(test, good, bad);
	bad = chip_entry(3, KVM_IRQCHIP_IOAPIC, 3);
	bad.flags = KVM_MSI_VALID_DEVID;
	refuse(test, good, bad);
	KUNIT_EXPECT_EQ(test, wr_irq_set_routes(&fix->vm, &good, WR_MAX_GSI + 1), -EINVAL);
	/* What was there before still is. */
	wr_ioapic(fix, 0x10 + 2 * 20, 0x41);
	KUNIT_EXPECT_EQ(test, wr_irq_set(&fix->vm, 20, 1, WR_IRQ_SOURCE_USER), 1);
}

static void split(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kvm_irq_routing_entry table[2] = { msi_entry(3, 0x31), msi_entry(30, 0x32) };

	KUNIT_ASSERT_EQ(test, wr_irqchip_split(&fix->vm, 24), 0);
	add_vcpu(test, fix);
	refuse(test, table[0], chip_entry(5, KVM_IRQCHIP_IOAPIC, 5));
	table[0].u.msi.data |= LEVEL;
	KUNIT_EXPECT_EQ(test, wr_irq_set_routes(&fix->vm, table, 2), 0);
	KUNIT_EXPECT_EQ(test, wr_irq_set(&fix->vm, 3, 1, WR_IRQ_SOURCE_USER), 1);
	KUNIT_EXPECT_FALSE(test, wr_pic_pending(&fix->vm));
}

static void signal_msi(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 0x71 };

	KUNIT_EXPECT_EQ(test, wr_irq_msi(&fix->vm, &msi), -EINVAL);
	make_irqchip(test);
	KUNIT_EXPECT_EQ(test, wr_irq_msi(&fix->vm, &msi), 1);
	KUNIT_EXPECT_EQ(test, pending(fix), 0x71);
	msi.address_lo |= 5 << 12;
	KUNIT_EXPECT_EQ(test, wr_irq_msi(&fix->vm, &msi), 0);
	msi.flags = KVM_MSI_VALID_DEVID;
	KUNIT_EXPECT_EQ(test, wr_irq_msi(&fix->vm, &msi), -EINVAL);
}

static bool is_wide(struct kunit *test, u32 dest, u32 low)
{
	struct fixture *fix = test->priv;
	struct kvm_irq_routing_entry entry = msi_entry(30, 0x31);

	entry.u.msi.address_lo |= (dest & 0xff) << 12 | low;
	entry.u.msi.address_hi = dest & ~0xff;
	KUNIT_EXPECT_EQ(test, wr_irq_set_routes(&fix->vm, &entry, 1), 0);
	return wr_irq_is_wide(&fix->vm, 30);
}

/* Messages for which all of many vCPUs are looked at, and those that have few to look at */
static void wide_messages(struct kunit *test)
{
	struct fixture *fix = test->priv;
	const u32 logical = BIT(2);

	KUNIT_EXPECT_FALSE(test, wr_irq_is_wide(&fix->vm, 30));
	make_irqchip(test);
	fix->vm.irq.x2apic_api = KVM_X2APIC_API_USE_32BIT_IDS;
	KUNIT_EXPECT_FALSE(test, is_wide(test, 255, 0));
	atomic_set(&fix->vm.online_vcpus, 1024);
	KUNIT_EXPECT_TRUE(test, is_wide(test, 255, 0));
	KUNIT_EXPECT_TRUE(test, is_wide(test, ~0u, 0));
	KUNIT_EXPECT_TRUE(test, is_wide(test, ~0u, logical));
	KUNIT_EXPECT_TRUE(test, is_wide(test, 1, logical));
	KUNIT_EXPECT_FALSE(test, is_wide(test, 0x10001, logical));
	KUNIT_EXPECT_FALSE(test, is_wide(test, 1, 0));
	KUNIT_EXPECT_FALSE(test, is_wide(test, 1023, 0));
	/* No route, and no GSI */
	KUNIT_EXPECT_FALSE(test, wr_irq_is_wide(&fix->vm, 29));
	KUNIT_EXPECT_FALSE(test, wr_irq_is_wide(&fix->vm, ~0u));
	atomic_set(&fix->vm.online_vcpus, 1);
}

/* A level line through the local APIC: it comes again until it falls. */
static void level_through_lapic(struct kunit *test)
{
	struct fixture *fix = test->priv;

	make_irqchip(test);
	wr_ioapic(fix, 0x10 + 2 * 20, 0x41 | LEVEL);
	wr_irq_set(&fix->vm, 20, 1, WR_IRQ_SOURCE_USER);
	KUNIT_EXPECT_EQ(test, pending(fix), 0x41);
	KUNIT_EXPECT_EQ(test, pending(fix), 0x41);
	wr_irq_set(&fix->vm, 20, 0, WR_IRQ_SOURCE_USER);
	pending(fix);
	KUNIT_EXPECT_EQ(test, pending(fix), -1);
}

static void start_pit(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kvm_pit_config config = { .flags = KVM_PIT_SPEAKER_DUMMY };

	KUNIT_ASSERT_EQ(test, wr_pit_create(&fix->vm, &config), 0);
	KUNIT_EXPECT_EQ(test, wr_pit_create(&fix->vm, &config), -EEXIST);
	/* Mode 2, 5 ms */
	out(fix, 0x43, 0x34);
	out(fix, 0x40, 5966 & 0xff);
	out(fix, 0x40, 5966 >> 8);
}

static bool wait_for_pic(struct fixture *fix)
{
	int i;

	for (i = 0; i < 200 && !wr_pic_pending(&fix->vm); i++)
		msleep(5);
	return wr_pic_pending(&fix->vm);
}

static void pit_ticks_by_pic(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kvm_reinject_control control = {};
	int i;

	make_irqchip(test);
	out(fix, 0x20, 0x11);
	out(fix, 0x21, 0x30);
	out(fix, 0x21, 0x04);
	out(fix, 0x21, 0x01);
	start_pit(test);
	KUNIT_ASSERT_TRUE(test, wait_for_pic(fix));
	KUNIT_EXPECT_EQ(test, wr_pic_ack(&fix->vm), 0x30);
	msleep(100);
	/* About 20 were missed meanwhile: each EOI brings the next at once. */
	for (i = 0; i < 10; i++) {
		out(fix, 0x20, 0x20);
		KUNIT_EXPECT_TRUE(test, wr_pic_pending(&fix->vm));
		KUNIT_EXPECT_EQ(test, wr_pic_ack(&fix->vm), 0x30);
	}
	out(fix, 0x20, 0x20);
	/* Without reinjection what is missed is missed. */
	KUNIT_EXPECT_EQ(test, wr_pit_reinject(&fix->vm, &control), 0);
	KUNIT_ASSERT_TRUE(test, wait_for_pic(fix));
	wr_pic_ack(&fix->vm);
	msleep(50);
	out(fix, 0x20, 0x20);
	wr_pic_ack(&fix->vm);
	out(fix, 0x20, 0x20);
	KUNIT_EXPECT_LE(test, fix->vm.irq.pit->owed, 1u);
	control.reserved[3] = 1;
	KUNIT_EXPECT_EQ(test, wr_pit_reinject(&fix->vm, &control), -EINVAL);
}

static void pit_ticks_by_ioapic(struct kunit *test)
{
	struct fixture *fix = test->priv;
	int i, at_once = 0, ticks = 0;
	ktime_t unmasked;

	make_irqchip(test);
	KUNIT_EXPECT_FALSE(test, wr_irq_has_ack_notifier(&fix->vm, KVM_IRQCHIP_IOAPIC, 0));
	out(fix, 0x21, 0xff);
	start_pit(test);
	/* Masked everywhere for a while: nothing is owed for that. */
	msleep(50);
	KUNIT_EXPECT_TRUE(test, wr_irq_has_ack_notifier(&fix->vm, KVM_IRQCHIP_IOAPIC, 0));
	unmasked = ktime_get();
	wr_ioapic(fix, 0x10, 0x31);
	while (pending(fix) == 0x31)
		at_once++;
	KUNIT_EXPECT_LE(test, at_once, 1 + (int)(ktime_ms_delta(ktime_get(), unmasked) / 5));
	for (i = 0; i < 200 && ticks < 4; i++) {
		msleep(5);
		while (pending(fix) == 0x31)
			ticks++;
	}
	KUNIT_EXPECT_GE(test, ticks, 4);
}

static void pit_stops(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kvm_pit_state2 state;

	make_irqchip(test);
	KUNIT_EXPECT_EQ(test, wr_pit_get(&fix->vm, &state), -ENXIO);
	out(fix, 0x21, 0xff);
	wr_ioapic(fix, 0x10, 0x31);
	start_pit(test);
	/* A control word stops it until a count comes. */
	out(fix, 0x43, 0x30);
	pending(fix);
	msleep(30);
	KUNIT_EXPECT_EQ(test, pending(fix), -1);
	/* With the HPET in its place it is silent. */
	KUNIT_EXPECT_EQ(test, wr_pit_get(&fix->vm, &state), 0);
	state.flags = KVM_PIT_FLAGS_HPET_LEGACY;
	state.channels[0].mode = 2;
	KUNIT_EXPECT_EQ(test, wr_pit_set(&fix->vm, &state, true), 0);
	msleep(30);
	KUNIT_EXPECT_EQ(test, pending(fix), -1);
	state.flags = 0;
	KUNIT_EXPECT_EQ(test, wr_pit_set(&fix->vm, &state, true), 0);
	msleep(100);
	KUNIT_EXPECT_EQ(test, pending(fix), 0x31);
	state.flags = BIT(7);
	KUNIT_EXPECT_EQ(test, wr_pit_set(&fix->vm, &state, true), -EINVAL);
}

/* A device that says who it is. */
struct named_dev {
	struct wr_io_dev dev;
	u8 name;
	bool refuses;
	int released;
};

static int named_read(struct wr_vcpu *vcpu, struct wr_io_dev *dev, u64 addr, u32 len, void *data)
{
	struct named_dev *named = container_of(dev, struct named_dev, dev);

	if (named->refuses)
		return -EOPNOTSUPP;
	*(u8 *)data = named->name;
	return 0;
}

static void named_release(struct wr_io_dev *dev)
{
	container_of(dev, struct named_dev, dev)->released++;
}

static const struct wr_io_ops named_ops = {
	.read = named_read,
	.release = named_release,
};

static int who(struct fixture *fix, u64 addr, u32 len)
{
	u64 name = 0;

	return wr_bus_read(&fix->vcpu, WR_BUS_MMIO, addr, len, &name) ?: name;
}

static void bus(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct wr_vm *vm = &fix->vm;
	struct named_dev dev[4];
	u32 i;

	for (i = 0; i < ARRAY_SIZE(dev); i++)
		dev[i] = (struct named_dev) { .dev.ops = &named_ops, .name = i + 1 };
	make_irqchip(test);
	KUNIT_EXPECT_EQ(test, who(fix, 0x1000, 4), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, wr_bus_register(vm, WR_BUS_MMIO, &dev[0].dev, 0x1000, 0x1000), 0);
	KUNIT_EXPECT_EQ(test, wr_bus_register(vm, WR_BUS_MMIO, &dev[1].dev, 0x1100, 0x10), 0);
	KUNIT_EXPECT_EQ(test, wr_bus_register(vm, WR_BUS_MMIO, &dev[2].dev, 0x1000, 4), 0);
	KUNIT_EXPECT_EQ(test, wr_bus_register(vm, WR_BUS_MMIO, &dev[3].dev, U64_MAX, 1), 0);
	KUNIT_EXPECT_EQ(test, wr_bus_register(vm, WR_BUS_MMIO, &dev[3].dev, U64_MAX, 2), -EINVAL);

	KUNIT_EXPECT_EQ(test, who(fix, 0xfff, 1), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, who(fix, 0x1000, 4), 3);
	KUNIT_EXPECT_EQ(test, who(fix, 0x1000, 8), 1);
	KUNIT_EXPECT_EQ(test, who(fix, 0x1104, 4), 2);
	KUNIT_EXPECT_EQ(test, who(fix, 0x110e, 4), 1);
	KUNIT_EXPECT_EQ(test, who(fix, 0x1fff, 1), 1);
	KUNIT_EXPECT_EQ(test, who(fix, 0x1ffe, 4), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, who(fix, U64_MAX, 1), 4);
	KUNIT_EXPECT_EQ(test, who(fix, U64_MAX, 2), -EOPNOTSUPP);
	/* One that does not want it passes it on. */
	dev[2].refuses = true;
	KUNIT_EXPECT_EQ(test, who(fix, 0x1000, 4), 1);

	wr_bus_unregister(vm, WR_BUS_MMIO, &dev[0].dev);
	wr_bus_unregister(vm, WR_BUS_MMIO, &dev[0].dev);
	KUNIT_EXPECT_EQ(test, dev[0].released, 1);
	KUNIT_EXPECT_EQ(test, who(fix, 0x1fff, 1), -EOPNOTSUPP);
	for (i = 1; i < ARRAY_SIZE(dev); i++)
		wr_bus_unregister(vm, WR_BUS_MMIO, &dev[i].dev);
}

static void bus_is_bounded(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct named_dev dev = { .dev.ops = &named_ops, .name = 9 };
	int i, ret = 0;

	fix->vcpu.vm = &fix->vm;
	for (i = 0; !ret && i <= WR_BUS_MAX_RANGES; i++)
		ret = wr_bus_register(&fix->vm, WR_BUS_MMIO, &dev.dev, i * 37 % 1001 * 8, 8);
	KUNIT_EXPECT_EQ(test, ret, -ENOSPC);
	KUNIT_EXPECT_EQ(test, i, WR_BUS_MAX_RANGES + 1);
	for (i = 0; i < WR_BUS_MAX_RANGES; i++)
		KUNIT_EXPECT_EQ(test, who(fix, i * 37 % 1001 * 8 + 3, 4), 9);
	wr_bus_unregister(&fix->vm, WR_BUS_MMIO, &dev.dev);
	/* What was freed can be used. */
	KUNIT_EXPECT_EQ(test, wr_bus_register(&fix->vm, WR_BUS_MMIO, &dev.dev, 0, 8), 0);
	wr_bus_unregister(&fix->vm, WR_BUS_MMIO, &dev.dev);
	KUNIT_EXPECT_EQ(test, dev.released, 2);
}

static int poke(struct fixture *fix, u64 addr, u32 value)
{
	return wr_bus_write(&fix->vcpu, WR_BUS_MMIO, addr, sizeof(value), &value);
}

static void coalesced(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kvm_coalesced_mmio_zone zone = { .addr = 0x2000, .size = 0x100 }, part;
	struct kvm_coalesced_mmio_ring *ring;
	u32 i;

	make_irqchip(test);
	zone.pio = 2;
	KUNIT_EXPECT_EQ(test, wr_coalesced_register(&fix->vm, &zone), -EINVAL);
	zone.pio = 0;
	KUNIT_EXPECT_EQ(test, wr_coalesced_register(&fix->vm, &zone), 0);
	ring = page_address(wr_coalesced_page(&fix->vm));
	KUNIT_EXPECT_EQ(test, poke(fix, 0x2010, 0x12345678), 0);
	KUNIT_EXPECT_EQ(test, ring->last, 1u);
	KUNIT_EXPECT_EQ(test, ring->coalesced_mmio[0].phys_addr, 0x2010ull);
	KUNIT_EXPECT_EQ(test, ring->coalesced_mmio[0].len, 4u);
	KUNIT_EXPECT_EQ(test, ring->coalesced_mmio[0].data[0], 0x78);
	KUNIT_EXPECT_EQ(test, poke(fix, 0x20fe, 0), -EOPNOTSUPP);
	/* Full, one short of all: the rest is userspace's. */
	for (i = 1; i < KVM_COALESCED_MMIO_MAX - 1; i++)
		KUNIT_EXPECT_EQ(test, poke(fix, 0x2010, i), 0);
	KUNIT_EXPECT_EQ(test, poke(fix, 0x2010, i), -EOPNOTSUPP);
	ring->first = 1;
	KUNIT_EXPECT_EQ(test, poke(fix, 0x2010, i), 0);
	KUNIT_EXPECT_EQ(test, ring->last, 0u);
	ring->last = ~0u;
	KUNIT_EXPECT_EQ(test, poke(fix, 0x2010, i), -EOPNOTSUPP);
	part = (struct kvm_coalesced_mmio_zone) { .addr = 0x20f0, .size = 0x20 };
	KUNIT_EXPECT_EQ(test, wr_coalesced_unregister(&fix->vm, &part), 0);
	ring->last = 0;
	ring->first = 0;
	KUNIT_EXPECT_EQ(test, poke(fix, 0x2010, i), 0);
	KUNIT_EXPECT_EQ(test, wr_coalesced_unregister(&fix->vm, &zone), 0);
	KUNIT_EXPECT_EQ(test, poke(fix, 0x2010, i), -EOPNOTSUPP);
}

static struct kunit_case route_cases[] = {
	KUNIT_CASE(creation_errors),
	KUNIT_CASE(default_routes),
	KUNIT_CASE(new_routes),
	KUNIT_CASE(invalid_routes),
	KUNIT_CASE(split),
	KUNIT_CASE(signal_msi),
	KUNIT_CASE(wide_messages),
	KUNIT_CASE(level_through_lapic),
	KUNIT_CASE(pit_ticks_by_pic),
	KUNIT_CASE(pit_ticks_by_ioapic),
	KUNIT_CASE(pit_stops),
	KUNIT_CASE(bus),
	KUNIT_CASE(bus_is_bounded),
	KUNIT_CASE(coalesced),
	{}
};

struct kunit_suite wr_route_suite = {
	.name = "warren_route",
	.init = route_setup,
	.exit = route_teardown,
	.test_cases = route_cases,
};
