/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The door to guest memory: slots, stage-2 tables, guest page walks, dirty logging, and checked
 * access.
 *
 * Addresses: gva guest virtual (linear), gpa guest physical, hva the creator's virtual, hpa host
 * physical; gfn and pfn are gpa and hpa in 4 KiB units. No other file does arithmetic on guest
 * addresses to reach host memory.
 */
#ifndef WARREN_MMU_H
#define WARREN_MMU_H

#include <linux/jump_label.h>
#include <linux/kvm.h>
#include <linux/mmu_notifier.h>
#include <linux/rbtree.h>
#include <linux/rcupdate.h>
#include <linux/rwlock.h>
#include <linux/spinlock_types.h>
#include <linux/types.h>

struct wr_vm;
struct wr_vcpu;
struct wr_pt_format;
struct wr_shadow;
struct shadow_page;

#define WR_MAX_SLOTS		1024	/* KVM_CAP_NR_MEMSLOTS: ids 0 to 1023 */
#define WR_MAX_GPA_BITS		52

/*
 * What an access wants, and what a page fault's error code says: the bits of #PF and of nested page
 * faults.
 */
#define WR_ACC_PRESENT		BIT(0)
#define WR_ACC_WRITE		BIT(1)
#define WR_ACC_USER		BIT(2)
#define WR_ACC_RSVD		BIT(3)
#define WR_ACC_FETCH		BIT(4)
#define WR_ACC_PK		BIT(5)
#define WR_ACC_IMPLICIT		BIT(16)	/* supervisor access to system tables: ignores EFLAGS.AC */
#define WR_ACC_TABLE		BIT(17)	/* of the CPU to the guest's page tables, on the way to what the instruction accesses */

/*
 * struct wr_slot - a range of guest memory; in a published struct wr_slots it only changes its
 * dirty bits
 */
struct wr_slot {
	u64 gfn;			/* first */
	u64 npages;
	unsigned long hva;		/* of the first page */
	u32 flags;			/* KVM_MEM_* */
	u32 id;
	unsigned long *dirty;		/* one bit a page with KVM_MEM_LOG_DIRTY_PAGES, else NULL */
	unsigned long *late;		/* with dirty rings: bits of @dirty that are in no ring yet; same allocation */
};

/* struct wr_slots - all slots of a VM by gfn; replaced as a whole, read under vm->srcu */
struct wr_slots {
	struct rcu_head rcu;
	u64 generation;			/* each set that was ever published has its own */
	const struct wr_slot *retired;	/* freed with this set: slot that the next is without */
	unsigned long *retired_dirty;	/* and its dirty bitmap */
	u32 nr;
	struct wr_slot *slot[];		/* sorted by gfn, not overlapping */
};

/*
 * struct wr_mmu - stage-2 tables of a VM
 *
 * @lock: faults hold it for reading and change entries by cmpxchg; who removes or narrows entries
 * holds it for writing and flushes the vCPUs' TLBs before the pages or tables can be used for
 * anything else.
 */
struct wr_mmu {
	rwlock_t lock;
	struct mmu_notifier notifier;
	bool notifier_registered;
	const struct wr_pt_format *format;	/* [I] the vendor's */
	u64 root;				/* [I] hpa of the root table */
	atomic_long_t tables;			/* pages in use as tables */
	unsigned long max_tables;		/* limit, see wr_mmu_limit() */
	u64 flushes;				/* lock; of all vCPUs, counted for the owner */
	struct wr_shadow *shadow;		/* [I] see wr_shadow_of() */

	/* Between invalidate_range_start and _end no new mapping may be made in the range. */
	unsigned long invalidate_seq;		/* lock */
	int invalidate_count;			/* lock */
	unsigned long invalidate_start, invalidate_end;	/* lock; hva */

	u32 manual_protect;			/* [S] KVM_DIRTY_LOG_*, of KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 */
	u32 ring_entries;			/* [S] of each vCPU's dirty ring, constant once there is a vCPU; 0: no rings */
	bool ring_late;				/* [A] wr_slot.late of some slot is not empty */

	u64 tss;				/* [L] to write: gpa of the pages of KVM_SET_TSS_ADDR, 0: there are none */
	u64 identity_map;			/* [I] with the first vCPU: gpa of the page of KVM_SET_IDENTITY_MAP_ADDR */
	bool has_identity_map;			/* [L] there is something in it */
};

/* Where that page is when userspace does not say */
#define WR_IDENTITY_MAP		0xfffbc000ULL

/*
 * struct wr_dirty_ring - pages that were written, for userspace to take while the vCPU runs
 *
 * Indices only grow, modulo 2^32. Userspace maps the entries and may write to them what it wants.
 */
struct wr_dirty_ring {
	spinlock_t lock;		/* who adds entries */
	struct kvm_dirty_gfn *entries;	/* [I] wr_mmu.ring_entries; NULL: the VM has no rings */
	u32 head;			/* lock: entries added */
	u32 tail;			/* vm->slots_lock: entries reset */
};

/*
 * struct wr_table_cache - zeroed pages kept by a vCPU, so that a fault need not allocate under the
 * lock
 */
#define WR_TABLE_CACHE_SIZE	5
struct wr_table_cache {
	int nr;
	void *page[WR_TABLE_CACHE_SIZE];
};

/* Shadow pages that a vCPU has at hand: those of a path, or the roots of PAE paging and one */
#define WR_SHADOW_SPARE		5

/* Roots that a vCPU comes back to without a lock: of 64-bit paging as many processes */
#define WR_SHADOW_KEPT		8

/* What no CR3 is */
#define WR_CR3_NONE		(~0ULL)

/* struct wr_shadow_vcpu - what a vCPU runs on with shadow paging; [V] */
struct wr_shadow_vcpu {
	u64 cr3;			/* for the hardware */
	bool direct;			/* the guest does not page: the tables of stage 2 are below the root */
	bool legacy;			/* not long mode: the root is @pae_root */
	u8 nr_spare;
	struct shadow_page *spare[WR_SHADOW_SPARE];
	u64 need_gfn;			/* what a fault found nothing known of */
	u64 *pae_root;			/* below 4 GiB */
	struct shadow_page *root[4];	/* of 64-bit paging the first alone; all are in @kept */
	struct shadow_page *kept[WR_SHADOW_KEPT];	/* roots that it had lately; changed under wr_mmu.lock */
	u64 kept_cr3[WR_SHADOW_KEPT];	/* that loaded each; WR_CR3_NONE: flushed since, see wr_shadow_write_cr3() */
	u8 next_kept;			/* to be given up next */
};

/* struct wr_fetch_entry - an entry of the guest's tables: where, in the creator's memory, and what it was */
struct wr_fetch_entry {
	unsigned long hva;
	u64 value;
};

/*
 * struct wr_fetch_memo - the page of an earlier fetch, and how it was found
 *
 * As long as all this is the same a walk would find the page again.
 */
struct wr_fetch_memo {
	u64 generation;			/* of slots; 0: there is none */
	u64 page;			/* linear address */
	u32 access;			/* WR_ACC_* */
	u64 cr0, cr3, cr4, efer;
	u64 reserved;			/* wr_cpuid.reserved_gpa_bits */
	struct wr_fetch_entry entry[4];	/* the leaf is the first, of a large page the second as well */
	unsigned long hva;		/* of the page */
};

/*
 * struct wr_walk_cache - what the last accesses found, valid for those generations of slots only
 *
 * @generation: of @slot, the slot of the last access; 0: there is none
 * @hole_generation: of a page that no slot has
 * @hole_end: past it; 0: none is known
 */
struct wr_walk_cache {
	u64 generation;
	const struct wr_slot *slot;
	u64 hole_generation, hole_end;
	struct wr_fetch_memo fetch[4];	/* by linear address */
};

/* What became of a stage-2 fault */
enum wr_fault {
	WR_FAULT_FIXED,		/* enter again */
	WR_FAULT_MMIO,		/* no memory there, or a write to a read-only slot: emulate */
	WR_FAULT_SLEEP,		/* only with @atomic: call again where sleeping is allowed */
	WR_FAULT_SIGNAL,	/* a fatal signal interrupted the wait for the page */
	WR_FAULT_BAD,		/* userspace maps nothing there, or not so: EFAULT */
	WR_FAULT_POISON,	/* broken memory, and no signal could tell: EHWPOISON */
	WR_FAULT_NOMEM,		/* no memory for tables: ENOMEM */
};

/* Life of a VM's memory */
int wr_mmu_init(struct wr_vm *vm);
void wr_mmu_exit(struct wr_vm *vm);
void wr_table_cache_free(struct wr_table_cache *cache);

/* slots.c */
int wr_slot_check(const struct kvm_userspace_memory_region *region, u64 max_gfn);
bool wr_slots_overlap(const struct wr_slots *slots, u64 gfn, u64 npages,
		      const struct wr_slot *except);
struct wr_slots *wr_slots_replace(const struct wr_slots *old, const struct wr_slot *without,
				  struct wr_slot *with);
int wr_slots_set(struct wr_vm *vm, const struct kvm_userspace_memory_region *region);
const struct wr_slot *wr_slot_find(const struct wr_slots *slots, u64 gfn);
u64 wr_slots_size(struct wr_vm *vm);
int wr_slots_lookup_hva(struct wr_vm *vm, u64 gpa, bool write, unsigned long *hva);

/*
 * private.c: pages for guests that the CPU cannot run in real mode. The TSS has its bitmap of software interrupts, that of all
 * ports, and a byte behind them.
 */
#define WR_TSS_PAGES		3
#define WR_TSS_SIZE		(104 + 32 + 65536 / 8 + 1)

int wr_private_tss(struct wr_vm *vm, u64 gpa);
int wr_private_identity_map(struct wr_vm *vm);

/* dirty.c */
int wr_dirty_get(struct wr_vm *vm, const struct kvm_dirty_log *log);
int wr_dirty_clear(struct wr_vm *vm, const struct kvm_clear_dirty_log *clear);
int wr_dirty_manual(struct wr_vm *vm, const u64 *args);
void wr_dirty_mark(struct wr_vm *vm, struct wr_vcpu *vcpu, const struct wr_slot *slot, u64 gfn);
void wr_dirty_from_log(struct wr_vcpu *vcpu, const u64 *gpa, unsigned int nr);

/* dirty_ring.c */
#define WR_MAX_DIRTY_RING_BYTES	0x100000	/* KVM_CAP_DIRTY_LOG_RING: 65536 entries */

int wr_dirty_ring_enable(struct wr_vm *vm, const u64 *args);
int wr_dirty_ring_alloc(struct wr_vcpu *vcpu);
void wr_dirty_ring_free(struct wr_vcpu *vcpu);
struct page *wr_dirty_ring_page(struct wr_vcpu *vcpu, unsigned long pgoff);
bool wr_dirty_ring_meets(struct wr_vcpu *vcpu, unsigned long pgoff, unsigned long nr);
bool wr_dirty_ring_is_full(struct wr_vcpu *vcpu);
int wr_dirty_rings_reset(struct wr_vm *vm);

/* stage2.c */
enum wr_fault wr_mmu_fault(struct wr_vcpu *vcpu, u64 gpa, u32 access, bool atomic);
void wr_stage2_zap(struct wr_vm *vm, u64 gfn, u64 npages);
void wr_stage2_write_protect(struct wr_vm *vm, u64 gfn, u64 npages);
void wr_stage2_recover(struct wr_vm *vm, const struct wr_slot *slot);
u32 wr_mmu_gpa_bits(void);

/* Shadow paging is in use: a key, so that with nested paging nobody even looks */
DECLARE_STATIC_KEY_FALSE(wr_shadow_key);

/* What shadow paging has of a VM; NULL: nested paging */
static inline struct wr_shadow *wr_shadow_of(const struct wr_mmu *mmu)
{
	return static_branch_unlikely(&wr_shadow_key) ? mmu->shadow : NULL;
}

/* shadow*.c: with wr_mmu.shadow */
int wr_shadow_module_init(void);
void wr_shadow_module_exit(void);
int wr_shadow_load(struct wr_vcpu *vcpu);
bool wr_shadow_load_atomic(struct wr_vcpu *vcpu);
enum wr_fault wr_shadow_fault(struct wr_vcpu *vcpu, u64 gva, u64 gpa, u32 access, bool atomic);
void wr_shadow_invlpg(struct wr_vcpu *vcpu, u64 gva);
void wr_shadow_refresh(struct wr_vcpu *vcpu);
void wr_shadow_set_cr3(struct wr_vcpu *vcpu);
void wr_shadow_write_cr3(struct wr_vcpu *vcpu, bool keep);
void wr_shadow_forget_pcids(struct wr_vcpu *vcpu);
int wr_shadow_sync_pdptrs(struct wr_vcpu *vcpu);
void wr_shadow_vcpu_free(struct wr_vcpu *vcpu);
void wr_shadow_distrust(struct wr_vm *vm);
void wr_shadow_set_limit(struct wr_vm *vm, unsigned long pages);

/*
 * access.c: checked access to guest memory by gpa; current->mm must be vm->mm. May sleep, unless
 * page faults are disabled or the caller is atomic: then -EAGAIN asks for a call where sleeping is
 * allowed. They take vm->srcu themselves.
 */
int wr_gpa_read(struct wr_vm *vm, u64 gpa, void *data, size_t len);
int wr_gpa_write(struct wr_vm *vm, u64 gpa, const void *data, size_t len);
int wr_gpa_cmpxchg(struct wr_vm *vm, u64 gpa, void *old, const void *new, size_t len);
bool wr_gpa_is_ram(struct wr_vm *vm, u64 gpa, bool write);

/* walk.c: the guest's own page tables */
struct wr_walk {
	u64 gpa;		/* result */
	u32 error;		/* #PF error code, when the walk faulted */
	u8 vector;		/* the exception to raise: #PF */
	u64 page_size;		/* of the leaf */
	bool writable, user;	/* what the leaf allows */
};

int wr_walk(struct wr_vcpu *vcpu, u64 gva, u32 access, struct wr_walk *out);
int wr_gva_fetch(struct wr_vcpu *vcpu, u64 gva, bool user, void *data, u32 len, struct wr_walk *out);
int wr_load_pdptrs(struct wr_vcpu *vcpu, u64 cr3);

#endif
