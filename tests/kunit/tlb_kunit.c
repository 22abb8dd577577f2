// SPDX-License-Identifier: GPL-2.0-only
/*
 * TLB flushes: sequences of events, played against a TLB that forgets nothing by itself. A vCPU that reads through an entry
 * older than its VM's tables fails the test. No emulator shows that.
 *
 * The model has two CPUs, VMs of two vCPUs, and roots that are given to a new VM when the old one is gone.
 */
#include <kunit/test.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include "tlb.h"

#define NR_CPUS_HERE	2
#define NR_VMS		3
#define NR_VCPUS	2	/* of a VM */
#define NR_PAGES	3
#define NR_ENTRIES	128

/* struct kind - a sort of hardware: @nr_tags as wr_tlb_renew() wants it */
struct kind {
	const char *name;
	u32 nr_tags;
	bool by_tag;
};

static const struct kind kinds[] = {
	{ "VT-x", 0, true },
	{ "AMD-V without flush by ASID", 4, false },
	{ "AMD-V with flush by ASID", 4, true },
	{ "AMD-V with two ASIDs", 2, false },
	{ "AMD-V with many ASIDs", 64, true },
};

/* What one CPU has cached: @page as @tag saw it last */
struct entry {
	u64 tag;
	int page;
	u64 host_page;
	bool valid;
};

struct cpu {
	struct wr_tlb_cpu tlb;
	struct entry entry[NR_ENTRIES];
	bool on;
};

/*
 * What else carries a tag: what the guest's own tables make of a linear address. Guests flush it by themselves on the CPU where
 * they run, but for a vCPU whose steal time page says that it does not run: others leave it a note there.
 */
#define LINEAR_PAGE	NR_PAGES

struct vcpu {
	struct wr_tlb tlb;
	int cpu;		/* of the last stay, -1: none */
	bool flush_requested;
	bool marked;		/* its page says that it does not run */
	bool note;		/* KVM_VCPU_FLUSH_TLB is in it */
	bool interrupt;		/* another vCPU wants it to flush, and waits */
};

struct vm {
	u64 root;
	u64 host_page[NR_PAGES];
	u64 linear;		/* where the guest's own tables lead */
	struct vcpu vcpu[NR_VCPUS];
};

struct world {
	struct kunit *test;
	const struct kind *kind;
	struct cpu cpu[NR_CPUS_HERE];
	struct vm vm[NR_VMS];
	u64 spare_root;		/* all others are in use */
	u64 next_page;		/* no host page is used twice */
	u32 stale;
	u32 flushes, flushes_of_all;
	bool forget_notes;	/* do it wrong */
	bool forget_end;	/* likewise */
};

static void flush(struct world *w, struct cpu *cpu, enum wr_tlb_flush owed, u64 tag)
{
	int i;

	if (owed == WR_TLB_KEEP)
		return;
	w->flushes++;
	w->flushes_of_all += owed == WR_TLB_FLUSH_ALL;
	for (i = 0; i < NR_ENTRIES; i++)
		if (owed == WR_TLB_FLUSH_ALL || cpu->entry[i].tag == tag)
			cpu->entry[i].valid = false;
}

static struct entry *find(struct cpu *cpu, u64 tag, int page)
{
	int i;

	for (i = 0; i < NR_ENTRIES; i++)
		if (cpu->entry[i].valid && cpu->entry[i].tag == tag && cpu->entry[i].page == page)
			return &cpu->entry[i];
	return NULL;
}

static void fill(struct world *w, struct cpu *cpu, struct entry new)
{
	int i;

	for (i = 0; i < NR_ENTRIES; i++)
		if (!cpu->entry[i].valid)
			break;
	KUNIT_ASSERT_LT_MSG(w->test, i, NR_ENTRIES, "the model's TLB is full");
	cpu->entry[i] = new;
}

/* The guest reads all its pages, one after the other. */
static void touch(struct world *w, struct vm *vm, struct cpu *cpu, u64 tag)
{
	struct entry *hit;
	int page;

	for (page = 0; page < NR_PAGES; page++) {
		hit = find(cpu, tag, page);
		if (!hit)
			fill(w, cpu, (struct entry) { tag, page, vm->host_page[page], true });
		else if (hit->host_page != vm->host_page[page])
			w->stale++;
	}
}

/* On VT-x it carries the vCPU's VPID with the pointer, but INVEPT of the pointer is what is done about it. */
static int linear_page(const struct world *w, int vcpu_index)
{
	return LINEAR_PAGE + (w->kind->nr_tags ? 0 : vcpu_index);
}

/* The interrupt of another vCPU comes first, and the guest flushes that address where it is now; then it reads through it. */
static void touch_linear(struct world *w, struct vm *vm, int vcpu_index, struct cpu *cpu, u64 tag)
{
	struct vcpu *vcpu = &vm->vcpu[vcpu_index];
	int page = linear_page(w, vcpu_index);
	struct entry *hit = find(cpu, tag, page);

	if (hit && vcpu->interrupt)
		hit->valid = false;
	if (!hit || !hit->valid)
		fill(w, cpu, (struct entry) { tag, page, vm->linear, true });
	else if (hit->host_page != vm->linear)
		w->stale++;
	vcpu->interrupt = false;
}

/* One vCPU changes the guest's tables, flushes for itself, and tells the others. */
static void guest_remap(struct world *w, int vm_index, int by)
{
	struct vm *vm = &w->vm[vm_index];
	int i;

	vm->linear = w->next_page++;
	for (i = 0; i < NR_VCPUS; i++) {
		struct vcpu *vcpu = &vm->vcpu[i];

		if (i != by && vcpu->marked)
			vcpu->note = true;
		else
			vcpu->interrupt = true;
	}
}

/* As wr_steal_update(): before an entry, what was noted is owed. */
static void unmark(struct world *w, struct vcpu *vcpu)
{
	if (vcpu->note && !w->forget_notes)
		vcpu->flush_requested = true;
	vcpu->marked = false;
	vcpu->note = false;
}

/* As the vendors do it */
static void enter(struct world *w, int vm_index, int vcpu_index, int cpu_index)
{
	struct vm *vm = &w->vm[vm_index];
	struct vcpu *vcpu = &vm->vcpu[vcpu_index];
	struct cpu *cpu = &w->cpu[cpu_index];
	enum wr_tlb_flush owed = WR_TLB_KEEP;
	u64 tag;

	if (vcpu->cpu != cpu_index)
		wr_tlb_moved(&vcpu->tlb);
	vcpu->cpu = cpu_index;
	unmark(w, vcpu);
	if (vcpu->flush_requested)
		owed = wr_tlb_drop(&vcpu->tlb, w->kind->by_tag);
	vcpu->flush_requested = false;
	if (!wr_tlb_is_current(&vcpu->tlb, cpu->tlb.generation))
		owed = wr_tlb_renew(&vcpu->tlb, &cpu->tlb, w->kind->nr_tags);
	tag = w->kind->nr_tags ? vcpu->tlb.tag : vm->root;
	/* ASID 0 is the host's, and VMRUN refuses those that the CPU does not have. */
	if (w->kind->nr_tags && (!tag || tag >= w->kind->nr_tags))
		KUNIT_FAIL(w->test, "%s: tag %llu", w->kind->name, tag);
	flush(w, cpu, owed, tag);
	touch(w, vm, cpu, tag);
	touch_linear(w, vm, vcpu_index, cpu, tag);
}

/* A stay of one entry beside another hypervisor, as AMD-V does it */
static void enter_beside(struct world *w, int vm_index, int vcpu_index, int cpu_index)
{
	struct vm *vm = &w->vm[vm_index];
	struct vcpu *vcpu = &vm->vcpu[vcpu_index];
	struct cpu *cpu = &w->cpu[cpu_index];
	enum wr_tlb_flush owed;

	wr_tlb_moved(&vcpu->tlb);
	vcpu->cpu = cpu_index;
	unmark(w, vcpu);
	vcpu->flush_requested = false;
	owed = wr_tlb_renew_beside(&vcpu->tlb, &cpu->tlb, w->kind->nr_tags, w->kind->by_tag);
	if (!vcpu->tlb.tag || vcpu->tlb.tag >= w->kind->nr_tags)
		KUNIT_FAIL(w->test, "%s: tag %u", w->kind->name, vcpu->tlb.tag);
	flush(w, cpu, owed, vcpu->tlb.tag);
	touch(w, vm, cpu, vcpu->tlb.tag);
	touch_linear(w, vm, vcpu_index, cpu, vcpu->tlb.tag);
	if (!w->forget_end)
		flush(w, cpu, owed, vcpu->tlb.tag);
	wr_tlb_moved(&vcpu->tlb);
}

/* Guests of the other hypervisor, with every tag that there is; each trusts what it has cached. */
static void others_run(struct world *w, int cpu_index)
{
	struct cpu *cpu = &w->cpu[cpu_index];
	const u64 theirs = BIT_ULL(40);
	struct entry *hit;
	u64 tag;

	for (tag = 1; tag < w->kind->nr_tags; tag++) {
		hit = find(cpu, tag, 0);
		if (!hit)
			fill(w, cpu, (struct entry) { tag, 0, theirs + tag, true });
		else if (hit->host_page != theirs + tag)
			w->stale++;
	}
}

/* The host takes a page away and gives another. */
static void remap(struct world *w, int vm, int page)
{
	int i;

	w->vm[vm].host_page[page] = w->next_page++;
	for (i = 0; i < NR_VCPUS; i++)
		w->vm[vm].vcpu[i].flush_requested = true;
}

static void make_vm(struct world *w, int vm, u64 root)
{
	int i;

	w->vm[vm] = (struct vm) { .root = root };
	for (i = 0; i < NR_PAGES; i++)
		w->vm[vm].host_page[i] = w->next_page++;
	w->vm[vm].linear = w->next_page++;
	for (i = 0; i < NR_VCPUS; i++)
		w->vm[vm].vcpu[i].cpu = -1;
}

/* A VM goes, and another comes to its root, or to the one that went before. */
static void replace_vm(struct world *w, int vm, bool other_root)
{
	u64 root = w->vm[vm].root;

	if (other_root)
		swap(root, w->spare_root);
	make_vm(w, vm, root);
}

/* Virtualization goes off; somebody else uses all tags and roots, and it comes on again. */
static void host_off_on(struct world *w, int cpu_index)
{
	struct cpu *cpu = &w->cpu[cpu_index];
	u64 tag, tags = w->kind->nr_tags ?: NR_VMS + 1;
	int page;

	flush(w, cpu, WR_TLB_FLUSH_ALL, 0);
	for (tag = 1; tag < tags && tag * NR_PAGES <= NR_ENTRIES / 2; tag++)
		for (page = 0; page < NR_PAGES; page++)
			fill(w, cpu, (struct entry) { tag, page, w->next_page++, true });
	wr_tlb_host_on(&cpu->tlb);
}

static struct world *new_world(struct kunit *test, const struct kind *kind)
{
	struct world *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, w);
	w->test = test;
	w->kind = kind;
	w->next_page = 1;
	for (i = 0; i < NR_CPUS_HERE; i++) {
		w->cpu[i].tlb = (struct wr_tlb_cpu) WR_TLB_CPU_INIT;
		host_off_on(w, i);
	}
	for (i = 0; i < NR_VMS; i++)
		make_vm(w, i, i + 1);
	w->spare_root = NR_VMS + 1;
	w->flushes = w->flushes_of_all = 0;
	return w;
}

static void expect_fresh(struct world *w, const char *after)
{
	KUNIT_EXPECT_EQ_MSG(w->test, w->stale, 0u, "%s: stale translations after %s", w->kind->name, after);
	w->stale = 0;
}

#define for_each_world(w, i, test) \
	for (i = 0; i < ARRAY_SIZE(kinds) && (w = new_world(test, &kinds[i])); i++)

static void removed_mapping(struct kunit *test)
{
	struct world *w;
	int i;

	for_each_world(w, i, test) {
		enter(w, 0, 0, 0);
		remap(w, 0, 1);
		enter(w, 0, 0, 0);
		expect_fresh(w, "a mapping was removed");
	}
}

static void removed_while_the_vcpu_is_away(struct kunit *test)
{
	struct world *w;
	int i;

	for_each_world(w, i, test) {
		enter(w, 0, 0, 0);
		enter(w, 0, 0, 1);
		remap(w, 0, 1);
		/* The flush that was asked for is done here... */
		enter(w, 0, 0, 1);
		/* ...and what it left there long ago is older. */
		enter(w, 0, 0, 0);
		expect_fresh(w, "a mapping was removed while the vCPU was away");
	}
}

static void removed_while_another_vcpu_is_there(struct kunit *test)
{
	struct world *w;
	int i;

	for_each_world(w, i, test) {
		enter(w, 0, 0, 0);
		enter(w, 0, 1, 1);
		remap(w, 0, 0);
		enter(w, 0, 0, 1);
		enter(w, 0, 1, 0);
		enter(w, 0, 1, 1);
		enter(w, 0, 0, 0);
		expect_fresh(w, "two vCPUs changed places");
	}
}

static void root_reused_by_another_vm(struct kunit *test)
{
	struct world *w;
	int i, cpu;

	for_each_world(w, i, test) {
		for (cpu = 0; cpu < NR_CPUS_HERE; cpu++)
			enter(w, 0, 0, cpu);
		replace_vm(w, 0, false);
		for (cpu = 0; cpu < NR_CPUS_HERE; cpu++)
			enter(w, 0, 0, cpu);
		expect_fresh(w, "a VM came to the root of another");
		replace_vm(w, 0, true);
		replace_vm(w, 1, true);
		enter(w, 1, 1, 0);
		expect_fresh(w, "a root moved on");
	}
}

static void tags_used_up(struct kunit *test)
{
	struct world *w;
	int i, round, vm;

	for_each_world(w, i, test) {
		for (round = 0; round < 4; round++) {
			for (vm = 0; vm < NR_VMS; vm++) {
				enter(w, vm, 0, 0);
				enter(w, vm, 1, 0);
			}
			remap(w, round % NR_VMS, 0);
		}
		expect_fresh(w, "tags were handed out again");
		if (w->kind->nr_tags && w->kind->nr_tags < 6)
			KUNIT_EXPECT_GT_MSG(test, w->flushes_of_all, 1u, "%s", w->kind->name);
	}
}

static void host_off_and_on(struct kunit *test)
{
	struct world *w;
	int i;

	for_each_world(w, i, test) {
		enter(w, 0, 0, 0);
		enter(w, 1, 0, 0);
		enter(w, 2, 0, 1);
		host_off_on(w, 0);
		enter(w, 1, 0, 0);
		enter(w, 0, 0, 0);
		enter(w, 2, 0, 0);
		expect_fresh(w, "virtualization was off");
		host_off_on(w, 0);
		host_off_on(w, 0);
		enter(w, 0, 0, 0);
		expect_fresh(w, "virtualization was off twice");
	}
}

static void noted_while_the_vcpu_sleeps(struct kunit *test)
{
	struct world *w;
	int i, cpu;

	for_each_world(w, i, test) {
		for (cpu = 0; cpu < NR_CPUS_HERE; cpu++) {
			enter(w, 0, 0, 0);
			enter(w, 0, 1, 1);
			w->vm[0].vcpu[1].marked = true;
			guest_remap(w, 0, 0);
			enter(w, 0, 0, 0);
			/* Where it was, and where it was not */
			enter(w, 0, 1, cpu);
			enter(w, 0, 1, !cpu);
			expect_fresh(w, "a note was left");
		}
		/* Not marked: the guest does it itself, where it is. */
		guest_remap(w, 0, 0);
		enter(w, 0, 1, 0);
		enter(w, 0, 1, 1);
		enter(w, 0, 0, 0);
		expect_fresh(w, "an interrupt was sent");
	}
}

/* The model sees a note that nobody reads. */
static void forgotten_note_is_seen(struct kunit *test)
{
	struct world *w;
	int i;

	for_each_world(w, i, test) {
		w->forget_notes = true;
		enter(w, 0, 1, 1);
		w->vm[0].vcpu[1].marked = true;
		guest_remap(w, 0, 0);
		enter(w, 0, 1, 1);
		KUNIT_EXPECT_GT_MSG(test, w->stale, 0u, "%s", w->kind->name);
	}
}

static void beside_another_hypervisor(struct kunit *test)
{
	struct world *w;
	int i, n;

	for_each_world(w, i, test) {
		if (!w->kind->nr_tags)
			continue;
		flush(w, &w->cpu[0], WR_TLB_FLUSH_ALL, 0);
		for (n = 0; n < 4; n++) {
			others_run(w, 0);
			enter_beside(w, n % NR_VMS, 0, 0);
			others_run(w, 0);
			remap(w, n % NR_VMS, 1);
			enter_beside(w, n % NR_VMS, 1, 0);
			enter_beside(w, n % NR_VMS, 0, 0);
		}
		expect_fresh(w, "another hypervisor's guests ran");
		/* It goes, and what has a tag from that time gets another. */
		host_off_on(w, 0);
		for (n = 0; n < NR_VMS; n++)
			enter(w, n, 0, 0);
		expect_fresh(w, "the other hypervisor went");
		/* The CPUs come on before the last stays beside it end. */
		host_off_on(w, 0);
		for (n = 0; n < NR_VMS; n++)
			enter_beside(w, n, 0, 0);
		for (n = 0; n < NR_VMS; n++)
			enter(w, n, 0, 0);
		expect_fresh(w, "its last neighbours are alone");
		/* The model sees what a stay leaves behind. */
		w->forget_end = true;
		flush(w, &w->cpu[0], WR_TLB_FLUSH_ALL, 0);
		enter_beside(w, 0, 0, 0);
		others_run(w, 0);
		KUNIT_EXPECT_GT_MSG(test, w->stale, 0u, "%s", w->kind->name);
	}
}

/* Flushes cost: what owes none gets none. */
static void no_flush_without_need(struct kunit *test)
{
	struct world *w;
	u32 before;
	int i, n;

	for_each_world(w, i, test) {
		if (w->kind->nr_tags == 2)
			continue;
		enter(w, 0, 0, 0);
		enter(w, 1, 0, 0);
		before = w->flushes;
		for (n = 0; n < 10; n++) {
			enter(w, 0, 0, 0);
			enter(w, 1, 0, 0);
		}
		KUNIT_EXPECT_EQ_MSG(test, w->flushes, before, "%s", w->kind->name);
		remap(w, 0, 0);
		enter(w, 1, 0, 0);
		KUNIT_EXPECT_EQ_MSG(test, w->flushes, before, "%s: for another VM", w->kind->name);
		enter(w, 0, 0, 0);
		enter(w, 0, 0, 0);
		KUNIT_EXPECT_EQ_MSG(test, w->flushes, before + w->kind->by_tag, "%s", w->kind->name);
	}
}

static u32 draw(u64 *seed, u32 n)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (*seed >> 33) % n;
}

static void random_event(struct world *w, u64 *seed)
{
	switch (draw(seed, 80)) {
	case 64 ... 71:
		w->vm[draw(seed, NR_VMS)].vcpu[draw(seed, NR_VCPUS)].marked = true;
		break;
	case 72 ... 79:
		guest_remap(w, draw(seed, NR_VMS), draw(seed, NR_VCPUS));
		break;
	case 0:
		host_off_on(w, draw(seed, NR_CPUS_HERE));
		break;
	case 1 ... 4:
		replace_vm(w, draw(seed, NR_VMS), draw(seed, 2));
		break;
	case 5 ... 15:
		remap(w, draw(seed, NR_VMS), draw(seed, NR_PAGES));
		break;
	default:
		enter(w, draw(seed, NR_VMS), draw(seed, NR_VCPUS), draw(seed, NR_CPUS_HERE));
	}
}

static void random_sequences(struct kunit *test)
{
	struct world *w;
	int i, n;

	for_each_world(w, i, test) {
		u64 seed = 20 + i;

		if (w->kind->nr_tags > 32)
			continue;	/* more than the model's TLB holds */
		for (n = 0; n < 20000 && !w->stale; n++)
			random_event(w, &seed);
		KUNIT_EXPECT_EQ_MSG(test, w->stale, 0u, "%s: stale after %d events", w->kind->name, n);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(removed_mapping),
	KUNIT_CASE(removed_while_the_vcpu_is_away),
	KUNIT_CASE(removed_while_another_vcpu_is_there),
	KUNIT_CASE(root_reused_by_another_vm),
	KUNIT_CASE(tags_used_up),
	KUNIT_CASE(host_off_and_on),
	KUNIT_CASE(noted_while_the_vcpu_sleeps),
	KUNIT_CASE(forgotten_note_is_seen),
	KUNIT_CASE(beside_another_hypervisor),
	KUNIT_CASE(no_flush_without_need),
	KUNIT_CASE(random_sequences),
	{}
};

struct kunit_suite wr_tlb_suite = {
	.name = "tlb",
	.test_cases = cases,
};
