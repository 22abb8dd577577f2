/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The door to the interrupt controllers, the PIT and the GSI routes.
 *
 * Locks: pic->lock, ioapic->lock, pit->lock and irqfds_lock are taken with interrupts off, and
 * none inside another: a chip drops its lock before it tells anybody of an acknowledge. Only
 * wr_lapic_deliver() runs under ioapic->lock. A local APIC has no lock: its IRR and TMR are
 * changed by atomic bit operations from any CPU, the rest by the vCPU's own thread. Everything
 * here that sets a line may be called from hard interrupt context unless it says "may sleep".
 * vm->lock is held by the caller of what makes or configures: wr_irqchip_create/split(),
 * wr_irq_set_routes(), wr_pit_create(). wr_irqfd() and all others take what they need themselves.
 */
#ifndef WARREN_IRQ_H
#define WARREN_IRQ_H

#include <linux/kvm.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/types.h>

struct wr_vm;
struct wr_vcpu;
struct wr_lapic;
struct wr_lapic_ids;
struct wr_pic;
struct wr_ioapic;
struct wr_pit;
struct wr_routes;

#define WR_PIC_PINS	16
#define WR_IOAPIC_PINS	KVM_IOAPIC_NUM_PINS
#define WR_MAX_GSI	4096	/* KVM_CAP_IRQ_ROUTING */

/* KVM_CAP_X2APIC_API */
#define WR_X2APIC_API_FLAGS	(KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)

/* Who holds a level-triggered line high: a line is low when all have let it go. */
#define WR_IRQ_SOURCE_USER	0	/* KVM_IRQ_LINE */
#define WR_IRQ_SOURCE_RESAMPLE	1	/* irqfds with a resampler */
#define WR_IRQ_SOURCE_PIT	2

/* How the VM's interrupts are made */
enum wr_irqchip_mode {
	WR_IRQCHIP_NONE,	/* all in userspace */
	WR_IRQCHIP_KERNEL,	/* KVM_CREATE_IRQCHIP */
	WR_IRQCHIP_SPLIT,	/* local APICs here, PIC and IOAPIC in userspace */
};

/* struct wr_irq - the interrupt state of a VM; see warren.h for the letters */
struct wr_irq {
	enum wr_irqchip_mode mode;		/* [L], before the first vCPU */
	struct wr_pic *pic;			/* [L] to set, once */
	struct wr_ioapic *ioapic;		/* [L] to set, once */
	struct wr_pit *pit;			/* [L] to set, once */
	/* Of routes and resamplers. Its readers never sleep: shutdowns of all VMs' irqfds wait for them in one queue. */
	struct srcu_struct srcu;
	struct wr_routes __rcu *routes;		/* [L] to write, srcu to read */
	spinlock_t irqfds_lock;
	struct list_head irqfds;		/* irqfds_lock */
	struct mutex resamplers_lock;		/* serializes assigning irqfds, too */
	struct list_head resamplers;		/* resamplers_lock to write, srcu to read */
	unsigned int nr_resamplers;		/* resamplers_lock */
	u64 x2apic_api;				/* [L] to write: WR_X2APIC_API_FLAGS, KVM_CAP_X2APIC_API */
	struct wr_lapic_ids *ids;		/* [L] to replace by a larger one, [A] to read: vCPUs by APIC id, lapic_ids.c */
};

/* A message to local APICs, decoded from an MSI, an ICR or a redirection entry. */
struct wr_lapic_msg {
	u32 dest;		/* APIC id or logical destination */
	u8 vector;
	u8 delivery_mode;	/* APIC_DM_* >> 8 */
	bool logical;
	bool level;		/* level triggered */
	bool assert;
	u8 shorthand;		/* 0 none, 1 self, 2 all, 3 all but self */
	bool redirection_hint;	/* lowest priority by MSI */
	bool wants_eoi;		/* the sender must hear of the EOI even of an edge */
};

/*
 * struct wr_lapic_assist - hardware that does part of a local APIC's work while its guest runs
 *
 * It delivers what is in IRR, moves it to ISR, ends it at the EOI, keeps PPR, and serves the accesses that concern the register
 * page alone. So while the vCPU is in the guest the page is the hardware's: an interrupt waits in wr_lapic.arrived until the
 * vCPU's own thread puts it into IRR, or where wr_lapic_post_to() said until the hardware takes it. Everything else about a
 * local APIC is the same with and without it.
 *
 * @mode: IA32_APIC_BASE has another mode. vCPU's thread, in and outside a stay.
 * @sync: what the page holds has been changed, or an interrupt has arrived: tell the hardware the highest vector in IRR and in
 *	ISR (0: none), and which vectors' EOI must exit (256 bits, others may set more of them). In a stay, interrupts off, before
 *	the entry.
 */
struct wr_lapic_assist {
	void (*mode)(struct wr_vcpu *vcpu);
	void (*sync)(struct wr_vcpu *vcpu, u8 irr, u8 isr, const unsigned long *eoi_exit);
};

/* route.c: the one place that knows which chip a GSI reaches. */
int wr_irq_init(struct wr_vm *vm);
void wr_irq_exit(struct wr_vm *vm);
int wr_irqchip_create(struct wr_vm *vm);
int wr_irqchip_split(struct wr_vm *vm, u32 pins);
int wr_irqchip_get(struct wr_vm *vm, struct kvm_irqchip *chip);
int wr_irqchip_set(struct wr_vm *vm, const struct kvm_irqchip *chip);
int wr_irq_set(struct wr_vm *vm, u32 gsi, int level, int source);
bool wr_irq_is_wide(struct wr_vm *vm, u32 gsi);
int wr_irq_msi(struct wr_vm *vm, const struct kvm_msi *msi);
int wr_irq_set_routes(struct wr_vm *vm, const struct kvm_irq_routing_entry *entries, u32 nr);
void wr_irq_notify_ack(struct wr_vm *vm, u32 chip, u32 pin);
bool wr_irq_has_ack_notifier(struct wr_vm *vm, u32 chip, u32 pin);
void wr_irq_notify_unmask(struct wr_vm *vm, u32 chip, u32 pin);

/* irqfd.c */
int wr_irqfd(struct wr_vm *vm, const struct kvm_irqfd *args);
void wr_irqfd_exit(struct wr_vm *vm);
void wr_irqfd_notify_ack(struct wr_vm *vm, u32 gsi);
bool wr_irqfd_has_resampler(struct wr_vm *vm, u32 gsi);
int wr_irqfd_module_init(void);
void wr_irqfd_module_exit(void);

/* pic.c */
int wr_pic_create(struct wr_vm *vm);
void wr_pic_destroy(struct wr_vm *vm);
int wr_pic_set_irq(struct wr_pic *pic, u32 pin, int source, int level);
int wr_pic_ack(struct wr_vm *vm);
bool wr_pic_pending(const struct wr_vm *vm);
void wr_pic_get(struct wr_pic *pic, struct kvm_pic_state *master_or_slave, bool slave);
void wr_pic_set(struct wr_pic *pic, const struct kvm_pic_state *master_or_slave, bool slave);

/* ioapic.c */
int wr_ioapic_create(struct wr_vm *vm);
void wr_ioapic_destroy(struct wr_vm *vm);
int wr_ioapic_set_irq(struct wr_ioapic *ioapic, u32 pin, int source, int level);
void wr_ioapic_eoi(struct wr_vm *vm, u8 vector, bool level);
void wr_ioapic_get(struct wr_ioapic *ioapic, struct kvm_ioapic_state *state);
void wr_ioapic_set(struct wr_ioapic *ioapic, const struct kvm_ioapic_state *state);

/* pit.c */
int wr_pit_create(struct wr_vm *vm, const struct kvm_pit_config *config);
void wr_pit_destroy(struct wr_vm *vm);
int wr_pit_get(struct wr_vm *vm, struct kvm_pit_state2 *state);
int wr_pit_set(struct wr_vm *vm, const struct kvm_pit_state2 *state, bool with_flags);
int wr_pit_reinject(struct wr_vm *vm, const struct kvm_reinject_control *control);
void wr_pit_ack(struct wr_pit *pit);
void wr_pit_unmask(struct wr_pit *pit);

/* lapic.c, lapic_ids.c, lapic_ipi.c, lapic_timer.c */
void wr_lapic_ids_add(struct wr_vcpu *vcpu);
void wr_lapic_ids_free(struct wr_vm *vm);
bool wr_lapic_is_wide(const struct wr_lapic_msg *msg);
int wr_x2apic_api(struct wr_vm *vm, u64 flags);
int wr_lapic_create(struct wr_vcpu *vcpu);
void wr_lapic_destroy(struct wr_vcpu *vcpu);
void wr_lapic_reset(struct wr_vcpu *vcpu, bool init);
u64 wr_lapic_default_base(const struct wr_vcpu *vcpu);
int wr_lapic_set_base(struct wr_vcpu *vcpu, u64 base, bool host_initiated);
bool wr_lapic_enabled(const struct wr_vcpu *vcpu);
int wr_lapic_pending(struct wr_vcpu *vcpu);
void wr_lapic_accept(struct wr_vcpu *vcpu, u8 vector);
bool wr_lapic_accepts_extint(const struct wr_vcpu *vcpu);
u64 wr_lapic_get_cr8(const struct wr_vcpu *vcpu);
void wr_lapic_set_cr8(struct wr_vcpu *vcpu, u64 cr8);
int wr_lapic_max_blocked_vector(const struct wr_vcpu *vcpu);
bool wr_lapic_mmio(const struct wr_vcpu *vcpu, u64 gpa);
int wr_lapic_mmio_read(struct wr_vcpu *vcpu, u64 gpa, u32 len, void *data);
int wr_lapic_mmio_write(struct wr_vcpu *vcpu, u64 gpa, u32 len, const void *data);
int wr_lapic_msr_read(struct wr_vcpu *vcpu, u32 msr, u64 *data);
int wr_lapic_msr_write(struct wr_vcpu *vcpu, u32 msr, u64 data);
u64 wr_lapic_get_deadline(const struct wr_vcpu *vcpu);
void wr_lapic_set_deadline(struct wr_vcpu *vcpu, u64 tsc);
void wr_lapic_tsc_changed(struct wr_vcpu *vcpu);
void wr_lapic_timer_halt(struct wr_vcpu *vcpu);
void wr_lapic_timer_exit(struct wr_vcpu *vcpu);
int wr_lapic_deliver_to_id(struct wr_vm *vm, u32 id, const struct wr_lapic_msg *msg);
int wr_lapic_deliver(struct wr_vm *vm, struct wr_vcpu *source, const struct wr_lapic_msg *msg);
bool wr_lapic_has_events(const struct wr_vcpu *vcpu);
void wr_lapic_take_events(struct wr_vcpu *vcpu);
void wr_lapic_get(struct wr_vcpu *vcpu, struct kvm_lapic_state *state);
int wr_lapic_set(struct wr_vcpu *vcpu, const struct kvm_lapic_state *state);
int wr_lapic_set_vapic(struct wr_vcpu *vcpu, u64 gpa);
u8 wr_lapic_eoi_vector(const struct wr_vcpu *vcpu);
void wr_lapic_set_sipi_vector(struct wr_vcpu *vcpu, u8 vector);
void wr_lapic_post_sipi(struct wr_vcpu *vcpu);

/* lapic_assist.c */
void *wr_lapic_page(const struct wr_vcpu *vcpu);
void wr_lapic_post_to(struct wr_vcpu *vcpu, unsigned long *posted);
bool wr_lapic_msr_is_plain(u32 msr);
void wr_lapic_sync(struct wr_vcpu *vcpu, bool hold);
void wr_lapic_eoi_done(struct wr_vcpu *vcpu, u8 vector);
void wr_lapic_written(struct wr_vcpu *vcpu, u32 offset);

#endif
