// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables of random entries: they point to tables of any level and to themselves, to data, to a ROM, to nothing, beyond what the
 * CPU has, with any rights. After a flush each access must come to what a walk of them in software says: the same page, or
 * a page fault with the same error code; and leave A and D behind.
 */
#include <stdlib.h>
#include <string.h>

#include "tables.h"

#define NX (1ul << 63)
#define ADDRESS 0x000ffffffffff000ul

#define CR0_WP (1ul << 16)
#define MSR_EFER 0xc0000080u
#define EFER_NXE (1ul << 11)
#define GP 13

#define ERR_P 1u
#define ERR_W 2u
#define ERR_U 4u
#define ERR_RSVD 8u
#define ERR_FETCH 0x10u
#define NO_FAULT (~0ul)

/* Roots, tables, data: all are identity-mapped, as is all below 4 GiB, by the first entry of each root. */
#define NR_ROOTS 4u
#define NR_TABLES 200u
#define NR_DATA 256u
#define STATE (AREA + 3 * MiB)	/* task state segments */
#define NOTHING 0x30000000ul

#define MAX_CPUS 4
#define CHECKS 12
#define USER_CODE 0x2b
#define USER_DATA 0x33

enum kind { READ, WRITE, FETCH };

/* Of all CPUs */
static volatile u64 seed, gpa_bits, nxe, cpus, arrived, nested;

/* Of each: the MMIO address that it is about to use, for the VMM; 0: none. Then what came of it. */
static volatile u64 expected_gpa[MAX_CPUS], faults[MAX_CPUS], passes[MAX_CPUS];

struct access {
	u64 va;
	enum kind kind;
	bool user, wp;
};

struct result {
	u64 error;		/* NO_FAULT */
	u64 gpa;
	u64 step[4];		/* gpa of each entry used, from the top */
	u32 steps;
	u64 absent;		/* entry that is not there; 0: it is no such fault */
	bool odd;		/* a table is not in memory, or in a ROM */
};

static u64 next(u64 *s)
{
	*s = *s * 6364136223846793005ul + 1442695040888963407ul;
	return *s >> 16;
}

static bool is_in(u64 gpa, u64 start, u64 size)
{
	return gpa - start < size;
}

static bool is_ram(u64 gpa)
{
	return is_in(gpa, 0, VM_MEMORY) || is_in(gpa, AREA, AREA_SIZE) || is_in(gpa, ROM, PAGE);
}

static u64 random_rights(u64 *s)
{
	u64 v = next(s), rights = P;

	rights |= v & 7 ? W : 0;
	rights |= v & 0x38 ? U : 0;
	rights |= v & 0x3c0 ? 0 : NX;
	rights |= v & 0x400 ? A : 0;
	rights |= v & 0x1800 ? 0 : D;
	return rights;
}

static u64 random_entry(u64 *s)
{
	u64 v = next(s), rights = random_rights(s);

	switch (v & 63) {
	case 0:
		return 0;
	case 1:
		return (TABLE(v >> 8 & 127) | rights) & ~P;
	case 2:
		return TABLE(v >> 8 & 127) | rights | 1ul << (gpa_bits + (v >> 16) % (52 - gpa_bits));
	case 3:
		return 1ul << (gpa_bits - 1) | (v >> 8 & 15) << 12 | rights;
	case 4:
		return (NOTHING + (v >> 8 & 15) * PAGE) | rights;
	case 5:
		return ROM | rights;
	case 6:
		return (AREA + (v >> 8 & 1) * PAGE_2M) | rights | PS;
	case 7:
		return rights | PS;
	case 8:
		return TABLE(v >> 8 & 127) | rights | PS;
	case 9 ... 20:
		return DATA((v >> 8) % NR_DATA) | rights;
	default:
		return TABLE((v >> 8) % NR_TABLES) | rights;
	}
}

static u64 random_index(u64 *s)
{
	u64 v = next(s);

	return v & 7 ? v >> 3 & 7 : v >> 3 & 511;
}

/* Not the first entry of a root: the identity map. */
static volatile u64 *random_place(u64 *s)
{
	u64 table = next(s) % NR_TABLES, i = random_index(s);

	if (table < NR_ROOTS && !i)
		i = 1;
	return at(TABLE(table) + i * 8);
}

static struct access random_access(u64 *s, bool wp)
{
	u64 v = next(s), i, va = (1 + (v >> 8) % 7) << 39;

	for (i = 12; i < 39; i += 9)
		va |= random_index(s) << i;
	va |= next(s) & 0xff8;
	return (struct access){ .va = va, .kind = v & 3 ? (v & 1 ? WRITE : READ) : FETCH, .user = v >> 4 & 1, .wp = wp };
}

/* What the manual says. */

static u64 error_of(const struct access *a, u64 error)
{
	error |= a->user ? ERR_U : 0;
	error |= a->kind == WRITE ? ERR_W : 0;
	return error | (a->kind == FETCH && nxe ? ERR_FETCH : 0);
}

static bool is_reserved(u64 e, int level, bool leaf)
{
	u64 bad = ADDRESS & ~((1ul << gpa_bits) - 1);

	if (!nxe)
		bad |= NX;
	if (level == 4)
		bad |= PS;
	else if (leaf && level > 1)
		bad |= ((1ul << (12 + 9 * (level - 1))) - 1) & ~0x1ffful;
	return e & bad;
}

static bool is_forbidden(const struct access *a, u64 all, u64 any)
{
	if (a->user && !(all & U))
		return true;
	if (a->kind == WRITE && !(all & W) && (a->user || a->wp))
		return true;
	return a->kind == FETCH && any & NX;
}

static struct result walk(u64 root, const struct access *a)
{
	u64 table = root, all = ~0ul, any = 0, e, offset, place;
	struct result r = { .error = NO_FAULT };
	bool leaf = false;
	int level;

	for (level = 4; !leaf; level--) {
		/* Where there is no memory nothing is present. */
		place = table + (a->va >> (12 + 9 * (level - 1)) & 511) * 8;
		e = is_ram(table) ? *at(place) : 0;
		r.odd |= !is_ram(table) || is_in(table, ROM, PAGE);
		r.step[r.steps++] = place;
		leaf = level == 1 || (e & PS && level < 4);
		if (!(e & P) || is_reserved(e, level, leaf)) {
			r.error = error_of(a, e & P ? ERR_P | ERR_RSVD : 0);
			r.absent = e & P ? 0 : place;
			return r;
		}
		all &= e;
		any |= e;
		table = e & ADDRESS;
	}
	offset = (1ul << (12 + 9 * level)) - 1;
	r.gpa = (e & ADDRESS & ~offset) | (a->va & offset);
	if (is_forbidden(a, all, any))
		r.error = error_of(a, ERR_P);
	return r;
}

/*
 * What the CPU does. An access keeps its way out in r11, and r12 where the stack is; a fault comes back in r10. INT without a
 * gate for users ends user code.
 */
static void on_fault(struct guest_frame *f)
{
	if (f->vector == PF)
		f->r10 = f->error;
	else if (!(f->cs & 3))
		ucall(UCALL_TRAP, f->vector, f->error, f->rip);
	f->rip = f->r11;
	f->rsp = f->r12;
	f->cs = 8;
	f->ss = 0x10;
}

#define AS_SUPERVISOR(text)							\
	asm volatile("movq $-1, %%r10; movq %%rsp, %%r12; leaq 9f(%%rip), %%r11\n\t" text "\n9:\n\t"	\
		     "movq %%r10, %1"						\
		     : "+a"(*value), "=&r"(error) : "d"(va) : "r10", "r11", "r12", "memory", "cc")

#define AS_USER(text)								\
	asm volatile("movq $-1, %%r10; movq %%rsp, %%r12; leaq 9f(%%rip), %%r11\n\t"	\
		     "pushq %3; pushq %%r12; pushq $2; pushq %4; leaq 8f(%%rip), %%rcx; pushq %%rcx; iretq\n"	\
		     "8:\n\t" text "\n\tint $0x81\n9:\n\t"				\
		     "movq %%r10, %1"						\
		     : "+a"(*value), "=&r"(error)				\
		     : "d"(va), "i"(USER_DATA), "i"(USER_CODE) : "rcx", "r10", "r11", "r12", "memory", "cc")

static u64 try_supervisor(u64 va, enum kind kind, u64 *value)
{
	u64 error;

	if (kind == READ)
		AS_SUPERVISOR("movq (%%rdx), %%rax");
	else if (kind == WRITE)
		AS_SUPERVISOR("movq %%rax, (%%rdx)");
	else
		AS_SUPERVISOR("call *%%rdx");
	return error;
}

static u64 try_user(u64 va, enum kind kind, u64 *value)
{
	u64 error;

	if (kind == READ)
		AS_USER("movq (%%rdx), %%rax");
	else if (kind == WRITE)
		AS_USER("movq %%rax, (%%rdx)");
	else
		AS_USER("call *%%rdx");
	return error;
}

static void check_bits(const struct access *a, const struct result *r)
{
	u32 i;

	for (i = 0; i < r->steps; i++)
		GUEST_EQ(*at(r->step[i]) & A, A);
	if (a->kind == WRITE)
		GUEST_EQ(*at(r->step[r->steps - 1]) & D, D);
}

static bool is_data(u64 gpa)
{
	return is_in(gpa, DATA(0), NR_DATA * PAGE);
}

/* May this access be made? Others' tables, the program, the names of pages, and code that is none are spared. */
static bool is_harmless(const struct access *a, const struct result *r)
{
	/* With nested paging the hardware's own access to the table fails, and nobody can tell what it was for. */
	if (r->odd && nested)
		return false;
	if (r->error != NO_FAULT)
		return true;
	if (a->kind == FETCH)
		return is_data(r->gpa);
	if (a->kind == READ || !is_ram(r->gpa) || is_in(r->gpa, ROM, PAGE))
		return true;
	if (is_data(r->gpa))
		return r->gpa & (PAGE - 1);
	return cpus == 1 && is_in(r->gpa, TABLE(NR_ROOTS), (NR_TABLES - NR_ROOTS) * PAGE);
}

static u64 mmio_value(u64 gpa)
{
	return gpa * 0x9e3779b97f4a7c15ul;
}

static void check_fault(u64 got, u64 want)
{
	/* QEMU's CPUs leave out that an entry with a reserved bit is present. */
	if (want != NO_FAULT && want & ERR_RSVD && got != NO_FAULT)
		got |= ERR_P;
	GUEST_EQ(got, want);
}

/* What it is to be, when nobody else can have written to it meanwhile. */
static void check_value(const struct access *a, const struct result *r, u64 value)
{
	if (!is_ram(r->gpa)) {
		if (a->kind == READ)
			GUEST_EQ(value, mmio_value(r->gpa));
	} else if (is_in(r->gpa, AREA, STATE - AREA) && (cpus == 1 || (is_data(r->gpa) && !(r->gpa & (PAGE - 1))))) {
		if (a->kind != FETCH)
			GUEST_EQ(*at(r->gpa), value);
	}
}

/* True when it has changed a table. */
static bool check_access(u64 root, const struct access *a, u64 cpu, u64 *s)
{
	struct result r = walk(root, a);
	bool rom = a->kind == WRITE && is_in(r.gpa, ROM, PAGE), to_table = is_in(r.gpa, TABLE(0), NR_TABLES * PAGE);
	u64 value, error;

	if (!is_harmless(a, &r))
		return false;
	/* Data is no entry that is present, and an instruction that returns. */
	value = to_table ? random_entry(s) : next(s) << 24 | 0xc2;
	expected_gpa[cpu] = r.error == NO_FAULT && (rom || !is_ram(r.gpa)) ? r.gpa : 0;
	error = a->user ? try_user(a->va, a->kind, &value) : try_supervisor(a->va, a->kind, &value);
	check_fault(error, r.error);
	if (error != NO_FAULT) {
		faults[cpu]++;
		return false;
	}
	passes[cpu]++;
	check_value(a, &r, value);
	if (a->kind == WRITE && to_table)
		return true;
	check_bits(a, &r);
	return false;
}

static inline void set_wp(bool on)
{
	u64 cr0;

	asm volatile("movq %%cr0, %0" : "=r"(cr0));
	cr0 = on ? cr0 | CR0_WP : cr0 & ~CR0_WP;
	asm volatile("movq %0, %%cr0" : : "r"(cr0) : "memory");
}

/* Entries that are absent may come without a flush: as the walk stumbles, it gets what it needs. */
static bool fill_and_check(u64 root, bool wp, u64 cpu, u64 *s)
{
	struct access a = random_access(s, wp);
	struct result r;
	u32 i;

	for (i = 0; i < 4; i++) {
		r = walk(root, &a);
		if (!r.absent || !is_in(r.absent, TABLE(0), NR_TABLES * PAGE))
			break;
		*at(r.absent) = random_entry(s) | P;
		if (check_access(root, &a, cpu, s))
			return true;
	}
	return check_access(root, &a, cpu, s);
}

enum way { BY_CR3, BY_INVLPG, BY_ABSENCE, WAYS };

static void check_many(u64 cpu, u64 *s)
{
	u64 root = TABLE(next(s) % NR_ROOTS), i;
	enum way way = cpus == 1 ? next(s) % WAYS : BY_CR3;
	bool wp = next(s) & 1, changed = true;
	struct access a;

	set_wp(wp);
	for (i = 0; i < CHECKS; i++) {
		if (changed && (way != BY_INVLPG || !i))
			load_cr3(root);
		if (way == BY_ABSENCE) {
			changed = fill_and_check(root, wp, cpu, s);
			continue;
		}
		a = random_access(s, wp);
		/* Names of pages are what others do not write to. */
		if (cpus > 1 && a.kind == READ && next(s) & 1)
			a.va &= -PAGE;
		if (way == BY_INVLPG) {
			*random_place(s) = random_entry(s);
			invlpg(a.va);
		}
		changed = check_access(root, &a, cpu, s);
	}
}

static void change_some(u64 *s)
{
	u64 i, n = next(s) & 15;

	for (i = 0; i < n; i++)
		*random_place(s) = random_entry(s);
}

/* All wait for all. */
static void meet(u64 n)
{
	__atomic_fetch_add(&arrived, 1, __ATOMIC_SEQ_CST);
	while (arrived < n * cpus)
		cpu_relax();
}

static void make_tables(u64 *s)
{
	u64 i, k;

	for (i = 0; i < NR_ROOTS; i++)
		*at(TABLE(i)) = *at(GPA_PML4);
	for (i = 0; i < NR_TABLES; i++)
		for (k = i < NR_ROOTS; k < 8; k++)
			at(TABLE(i))[k] = random_entry(s);
	for (i = 0; i < NR_DATA; i++)
		for (k = 0; k < 512; k++)
			at(DATA(i))[k] = (i + 1) << 24 | 0xc2;
}

static void prepare(u64 cpu, u64 *s)
{
	guest_handler[PF] = on_fault;
	guest_handler[GP] = on_fault;
	if (nxe)
		wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
	*at(STATE + cpu * 256 + 4) = STATE + 16 * PAGE + (cpu + 1) * PAGE;
	gpa_bits = cpuid(0x80000008, 0).a & 0xff;
	if (!cpu)
		make_tables(s);
}

/* The argument: CPU, and rounds above it */
static void guest_fuzz(u64 arg)
{
	u64 cpu = arg & 0xff, n = arg >> 8, s = seed + cpu * 77777, i;

	prepare(cpu, &s);
	for (i = 0; i < n; i++) {
		meet(2 * i + 1);
		if (!cpu)
			change_some(&s);
		meet(2 * i + 2);
		check_many(cpu, &s);
	}
	guest_done();
}

/* The VMM's side. */

static void serve_mmio(struct vcpu *v)
{
	struct kvm_run *run = v->run;
	u64 value = mmio_value(run->mmio.phys_addr);

	CHECK_EQ(run->mmio.phys_addr, ((u64 *)vm_var(v->vm, expected_gpa))[v->id]);
	CHECK_EQ(run->mmio.len, 8);
	if (!run->mmio.is_write)
		memcpy(run->mmio.data, &value, sizeof(value));
}

static void *run_cpu(void *arg)
{
	struct vcpu *v = arg;
	struct kvm_regs r;

	while (vcpu_run(v) == KVM_EXIT_MMIO)
		serve_mmio(v);
	get_regs(v, &r);
	if (v->run->exit_reason != KVM_EXIT_IO || v->run->io.port != UCALL_PORT)
		FAIL("vCPU %u: expected its end, got %s", v->id, vcpu_describe(v));
	if ((u32)r.rax != UCALL_DONE)
		FAIL("vCPU %u: call %llu: line or trap %llu: %#llx, %#llx", v->id, r.rax, r.rdi, r.rsi, r.rcx);
	return NULL;
}

static void users_too(struct vcpu *v)
{
	u64 *gdt = (u64 *)(v->vm->mem + GPA_GDT);
	struct kvm_sregs s;

	gdt[5] = 0x00affb000000ffffull;
	gdt[6] = 0x00cff3000000ffffull;
	get_sregs(v, &s);
	s.gdt.limit = 7 * 8 - 1;
	s.tr.base = STATE + v->id * 256;
	set_sregs(v, &s);
}

static u64 first_seed(void)
{
	const char *text = getenv("WARREN_TABLEFUZZ_SEED");

	return text ? strtoull(text, NULL, 0) : 1;
}

static void fuzz(u32 nr, bool with_nx, u64 rounds)
{
	const char *paging = getenv("WARREN_PAGING");
	struct vcpu v[MAX_CPUS];
	u64 passed = 0, faulted = 0;
	struct vm vm;
	u32 i;

	seed = first_seed();
	nxe = with_nx;
	cpus = nr;
	nested = !paging || strcmp(paging, "shadow");
	vm_init(&vm);
	vm_add_mem(&vm, SLOT_TEST, 0, AREA, AREA_SIZE);
	vm_add_mem(&vm, SLOT_TEST + 1, KVM_MEM_READONLY, ROM, PAGE);
	for (i = 0; i < nr; i++) {
		vcpu_init(&v[i], &vm, i);
		vcpu_cpuid(&v[i]);
		vcpu_long(&v[i], guest_fuzz, rounds << 8 | i);
		users_too(&v[i]);
	}
	for (i = 0; i < nr; i++)
		CHECK_EQ(pthread_create(&v[i].thread, NULL, run_cpu, &v[i]), 0);
	for (i = 0; i < nr; i++) {
		CHECK_EQ(pthread_join(v[i].thread, NULL), 0);
		passed += ((u64 *)vm_var(&vm, passes))[i];
		faulted += ((u64 *)vm_var(&vm, faults))[i];
	}
	test_note("%llu accesses, %llu page faults", (unsigned long long)passed, (unsigned long long)faulted);
	CHECK(passed && faulted);
	vm_free(&vm);
}

TEST(random_tables) { fuzz(1, true, test_scale(1500)); }
TEST(random_tables_without_nx) { fuzz(1, false, test_scale(500)); }
TEST(random_tables_of_four) { fuzz(MAX_CPUS, true, test_scale(100)); }
