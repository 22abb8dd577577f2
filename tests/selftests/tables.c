// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that changes its page tables, in every way that a guest may or should not: with shadow paging the hardware never sees
 * those tables, and with nested paging it sees nothing else. Both must look the same.
 */
#include "tables.h"

#define CR0_WP (1ul << 16)

/* Memory for tables and pages, identity-mapped as all below 4 GiB; VA is mapped by tables of the guest's own. */
#define VA (1ul << 39)
#define PDPT TABLE(0)
#define PD TABLE(1)
#define PT TABLE(2)
#define PT2 TABLE(3)
#define NR_DATA 512u

static volatile u64 *table(u64 gpa)
{
	return (volatile u64 *)gpa;
}

static inline void reload_cr3(void)
{
	u64 cr3;

	asm volatile("movq %%cr3, %0; movq %0, %%cr3" : "=r"(cr3) : : "memory");
}

static inline void set_wp(bool on)
{
	u64 cr0;

	asm volatile("movq %%cr0, %0" : "=r"(cr0));
	cr0 = on ? cr0 | CR0_WP : cr0 & ~CR0_WP;
	asm volatile("movq %0, %%cr0" : : "r"(cr0) : "memory");
}

static u64 try_write(u64 va, u64 value)
{
	return GUEST_TRY("movq %0, (%1)", : : "r"(value), "r"(va) : "memory");
}

/* VA is the first 2 MiB of the data, by 4 KiB pages; each begins with its number. */
static void build(void)
{
	u64 i;

	table(GPA_PML4)[1] = PDPT | P | W | U;
	table(PDPT)[0] = PD | P | W | U;
	table(PD)[0] = PT | P | W | U;
	for (i = 0; i < NR_DATA; i++) {
		table(PT)[i] = DATA(i) | P | W | U;
		*at(DATA(i)) = i;
	}
}

static void start(struct vm *vm, struct vcpu *v, void (*fn)(u64), u64 arg)
{
	vm_init(vm);
	vm_add_mem(vm, SLOT_TEST, 0, AREA, AREA_SIZE);
	vcpu_init(v, vm, 0);
	vcpu_cpuid(v);
	vcpu_long(v, fn, arg);
}

static void run(void (*fn)(u64), u64 arg)
{
	struct vcpu v;
	struct vm vm;

	start(&vm, &v, fn, arg);
	EXPECT_DONE(&v);
	vcpu_free(&v);
	vm_free(&vm);
}

static void guest_remaps_leaves(u64 n)
{
	u64 i, to;

	build();
	for (i = 0; i < n; i++) {
		to = i * 7 % NR_DATA;
		table(PT)[i % 16] = DATA(to) | P | W | U;
		if (i % 5)
			invlpg(VA + i % 16 * PAGE);
		else
			reload_cr3();
		GUEST_EQ(*at(VA + i % 16 * PAGE), to);
	}
	guest_done();
}

TEST(a_page_becomes_another) { run(guest_remaps_leaves, test_scale(2000)); }

static void guest_remaps_tables(u64 n)
{
	u64 i;

	build();
	for (i = 0; i < 512; i++)
		table(PT2)[i] = DATA(511 - i) | P | W | U;
	for (i = 0; i < n; i++) {
		table(PD)[0] = (i & 1 ? PT2 : PT) | P | W | U;
		if (i & 2)
			invlpg(VA + 3 * PAGE);
		else
			reload_cr3();
		GUEST_EQ(*at(VA + 3 * PAGE), i & 1 ? 508 : 3);
	}
	/* By a table further up, and into two places at once */
	table(PDPT)[1] = PD | P | W | U;
	GUEST_EQ(*at(VA + (1ul << 30) + 9 * PAGE), (n - 1) & 1 ? 502 : 9);
	table(GPA_PML4)[3] = PDPT | P | W | U;
	GUEST_EQ(*at(3 * VA + (1ul << 30) + 9 * PAGE), (n - 1) & 1 ? 502 : 9);
	table(GPA_PML4)[1] = 0;
	invlpg(VA);
	GUEST_EQ(try_read(VA, &i), PF);
	GUEST_EQ(*at(3 * VA), (n - 1) & 1 ? 511 : 0);
	guest_done();
}

TEST(a_table_becomes_another) { run(guest_remaps_tables, test_scale(500)); }

/* The table that a directory drops is used for something else, then hung in again: nothing old may show. */
static void guest_reuses_tables(u64 n)
{
	u64 i, k;

	build();
	for (i = 0; i < n; i++) {
		GUEST_EQ(*at(VA + 5 * PAGE), i ? (5 + i - 1) % 512 : 5);
		table(PD)[0] = 0;
		reload_cr3();
		for (k = 0; k < 512; k++)
			table(PT)[k] = DATA((k + i) % 512) | P | W | U;
		/* An entry that was absent: no flush is needed. */
		table(PD)[0] = PT | P | W | U;
	}
	guest_done();
}

TEST(a_table_is_used_again) { run(guest_reuses_tables, test_scale(100)); }

static void guest_protects(u64 arg)
{
	u64 v;

	(void)arg;
	build();
	set_wp(true);
	*at(VA) = 1000;
	table(PT)[0] = DATA(0) | P | U;
	invlpg(VA);
	GUEST_EQ(try_write(VA, 1), PF);
	GUEST_EQ(guest_fault.error, 3);
	GUEST_EQ(*at(VA), 1000);
	/* More rights need no flush. */
	table(PT)[0] = DATA(0) | P | W | U;
	*at(VA) = 1001;
	GUEST_EQ(*at(DATA(0)), 1001);
	/* Each level can forbid it. */
	table(PDPT)[0] = PD | P | U;
	invlpg(VA);
	GUEST_EQ(try_write(VA, 1), PF);
	GUEST_EQ(guest_fault.error, 3);
	table(PDPT)[0] = PD | P | W | U;
	table(PT)[0] = 0;
	invlpg(VA);
	GUEST_EQ(try_read(VA, &v), PF);
	GUEST_EQ(guest_fault.error, 0);
	table(PT)[0] = DATA(0) | P | W | U | 1ul << 51;
	GUEST_EQ(try_read(VA, &v), PF);
	/* QEMU's CPUs leave out that the entry is present. */
	GUEST_EQ(guest_fault.error & 8, 8);
	guest_done();
}

TEST(rights_come_and_go) { run(guest_protects, 0); }

static void guest_clears_wp(u64 n)
{
	u64 i;

	build();
	table(PT)[0] = DATA(0) | P | U;
	table(PT)[1] = DATA(1) | P;
	for (i = 0; i < n; i++) {
		set_wp(false);
		*at(VA) = i;
		*at(VA + PAGE) = i + 1;
		GUEST_EQ(*at(VA), i);
		set_wp(true);
		GUEST_EQ(try_write(VA, 1), PF);
		GUEST_EQ(guest_fault.error, 3);
		GUEST_EQ(try_write(VA + PAGE, 1), PF);
		GUEST_EQ(*at(DATA(0)), i);
		GUEST_EQ(*at(DATA(1)), i + 1);
	}
	guest_done();
}

TEST(write_protection_off_and_on) { run(guest_clears_wp, test_scale(100)); }

static void guest_looks_at_bits(u64 n)
{
	u64 i;

	build();
	for (i = 0; i < n; i++) {
		table(PT)[0] = DATA(0) | P | W | U;
		if (i & 1)
			invlpg(VA);
		else
			reload_cr3();
		GUEST_EQ(*at(VA), i ? i - 1 : 0);
		GUEST_EQ(table(PT)[0], DATA(0) | P | W | U | A);
		*at(VA) = i;
		GUEST_EQ(table(PT)[0], DATA(0) | P | W | U | A | D);
		/* D goes, A stays */
		table(PT)[0] = DATA(0) | P | W | U | A;
		invlpg(VA);
		*at(VA) = i;
		GUEST_EQ(table(PT)[0], DATA(0) | P | W | U | A | D);
	}
	GUEST_EQ(table(PD)[0] & A, A);
	GUEST_EQ(table(PDPT)[0] & A, A);
	guest_done();
}

TEST(accessed_and_dirty) { run(guest_looks_at_bits, test_scale(300)); }

/* The top table is its own entry: all tables can be written by it. */
static void guest_maps_itself(u64 n)
{
	u64 self = 2, i, to;
	/* The page that the walk ends in when it begins with @self: VA's PT */
	u64 window = self << 39 | 1ul << 30;

	build();
	table(GPA_PML4)[self] = GPA_PML4 | P | W;
	for (i = 0; i < n; i++) {
		to = i * 3 % NR_DATA;
		at(window)[i % 512] = DATA(to) | P | W | U;
		invlpg(VA + i % 512 * PAGE);
		GUEST_EQ(*at(VA + i % 512 * PAGE), to);
		GUEST_EQ(table(PT)[i % 512] & ~(A | D), DATA(to) | P | W | U);
	}
	/* A page table that maps itself, too */
	table(PT)[4] = PT | P | W | U;
	invlpg(VA + 4 * PAGE);
	at(VA + 4 * PAGE)[5] = DATA(77) | P | W | U;
	invlpg(VA + 5 * PAGE);
	GUEST_EQ(*at(VA + 5 * PAGE), 77);
	at(VA + 4 * PAGE)[4] = DATA(78) | P | W | U;
	invlpg(VA + 4 * PAGE);
	GUEST_EQ(*at(VA + 4 * PAGE), 78);
	guest_done();
}

TEST(tables_that_map_themselves) { run(guest_maps_itself, test_scale(1000)); }

static void guest_splits(u64 n)
{
	u64 i, k, two = VA + PAGE_2M;

	build();
	for (i = 0; i < n; i++) {
		table(PD)[1] = DATA(0) | P | W | U | PS;
		invlpg(two + 100 * PAGE);
		GUEST_EQ(*at(two + 100 * PAGE), 100);
		*at(two + 200 * PAGE) = 200;
		GUEST_EQ(table(PD)[1] & (A | D), A | D);
		for (k = 0; k < 512; k++)
			table(PT2)[k] = DATA(511 - k) | P | W | U;
		table(PD)[1] = PT2 | P | W | U;
		invlpg(two + 100 * PAGE);
		reload_cr3();
		GUEST_EQ(*at(two + 100 * PAGE), 411);
	}
	guest_done();
}

TEST(large_pages_split_and_whole) { run(guest_splits, test_scale(50)); }

/* A large page that is read for so long that its tables count as unchanged: the first write comes through, and sets D. */
static void guest_reads_before_it_writes(u64 n)
{
	u64 i, k, two = VA + PAGE_2M;

	build();
	for (i = 0; i < n; i++) {
		table(PD)[1] = DATA(0) | P | W | U | PS;
		for (k = 0; k < 6; k++) {
			reload_cr3();
			GUEST_EQ(*at(two + k * 80 * PAGE), k * 80);
		}
		GUEST_EQ(table(PD)[1] & (A | D), A);
		*at(two + 80 * PAGE) = 80;
		GUEST_EQ(table(PD)[1] & (A | D), A | D);
	}
	guest_done();
}

TEST(large_page_read_then_written) { run(guest_reads_before_it_writes, test_scale(20)); }

/* What the emulator writes counts like what the guest writes itself: INS puts an entry into a table. */
static void guest_inputs_entries(u64 n)
{
	u64 i, to;

	build();
	for (i = 0; i < n; i++) {
		u64 entry = PT + 8 * 6;

		asm volatile("insl; insl" : "+D"(entry) : "d"(TEST_PORT) : "memory");
		to = i % NR_DATA;
		invlpg(VA + 6 * PAGE);
		GUEST_EQ(table(PT)[6], DATA(to) | P | W | U);
		GUEST_EQ(*at(VA + 6 * PAGE), to);
	}
	guest_done();
}

TEST(the_emulator_writes_tables)
{
	u64 i, n = test_scale(100);
	struct vcpu v;
	struct vm vm;

	start(&vm, &v, guest_inputs_entries, n);
	for (i = 0; i < n; i++) {
		*(u32 *)EXPECT_IO(&v, KVM_EXIT_IO_IN, TEST_PORT, 4) = (u32)(DATA(i % NR_DATA) | P | W | U);
		*(u32 *)EXPECT_IO(&v, KVM_EXIT_IO_IN, TEST_PORT, 4) = 0;
	}
	EXPECT_DONE(&v);
	vcpu_free(&v);
	vm_free(&vm);
}

/* Code that has a device written, which takes an exit and the emulator: by one entry or the other, or itself, it becomes other code. */
#define CODE_AT 8u
#define NR_CODE 16u
#define ROOT TABLE(4)

static void put_code(u64 page, u32 value)
{
	u8 *code = (u8 *)page + CODE_AT;

	/* movl $value, (%rdx); ret */
	code[0] = 0xc7;
	code[1] = 0x02;
	memcpy(code + 2, &value, sizeof(value));
	code[6] = 0xc3;
}

static void guest_moves_code(u64 n)
{
	u64 i, k;

	build();
	/* All tables of VA in one slot, which is where fetches have a short way. */
	for (i = 0; i < 512; i++)
		table(ROOT)[i] = table(GPA_PML4)[i];
	load_cr3(ROOT);
	for (i = 0; i < NR_CODE; i++) {
		table(PT2)[i] = DATA(i) | P | W | U;
		put_code(DATA(i), 0);
	}
	for (i = 0; i < n; i++) {
		k = i % NR_CODE;
		table(PD)[0] = (i & 1 ? PT2 : PT) | P | W | U;
		table(i & 1 ? PT2 : PT)[0] = DATA(k) | P | W | U;
		invlpg(VA);
		put_code(VA, i);
		asm volatile("call *%0" : : "r"(VA + CODE_AT), "d"(TEST_MMIO) : "memory");
		/* Again, and now only the code is another. */
		put_code(VA, ~i);
		asm volatile("call *%0" : : "r"(VA + CODE_AT), "d"(TEST_MMIO) : "memory");
	}
	guest_done();
}

TEST(emulated_code_moves)
{
	u64 i, n = test_scale(200);
	struct vcpu v;
	struct vm vm;

	start(&vm, &v, guest_moves_code, n);
	for (i = 0; i < 2 * n; i++) {
		EXPECT_EXIT(&v, KVM_EXIT_MMIO);
		CHECK_EQ(*(u32 *)v.run->mmio.data, (u32)(i & 1 ? ~(i / 2) : i / 2));
	}
	EXPECT_DONE(&v);
	vcpu_free(&v);
	vm_free(&vm);
}

static void guest_uses_rom(u64 arg)
{
	u64 i;

	(void)arg;
	build();
	table(PD)[2] = ROM | P | W | U;
	for (i = 0; i < 512; i++)
		GUEST_EQ(*at(VA + 2 * PAGE_2M + i * PAGE), i);
	for (i = 0; i < 512; i++)
		*at(VA + 2 * PAGE_2M + i * PAGE) = i + 1;
	reload_cr3();
	for (i = 0; i < 512; i++)
		GUEST_EQ(*at(VA + 2 * PAGE_2M + i * PAGE), i + 1);
	guest_done();
}

/*
 * A and D cannot be set there: the accesses go on all the same. Nested page walks write them, whatever they are, so that each
 * access exits for its table, and must not be taken for one to the table: the first page's is at the entry's offset.
 */
TEST(tables_in_rom)
{
	struct vcpu v;
	struct vm vm;
	u64 i, *rom;

	need_ext(KVM_CAP_READONLY_MEM);
	start(&vm, &v, guest_uses_rom, 0);
	rom = vm_add_mem(&vm, SLOT_TEST + 1, KVM_MEM_READONLY, ROM, PAGE);
	for (i = 0; i < 512; i++)
		rom[i] = DATA(i) | P | W | U | A | D;
	EXPECT_DONE(&v);
	vcpu_free(&v);
	vm_free(&vm);
}

static volatile u64 turn;

static void guest_shoots(u64 n)
{
	u64 i;

	build();
	for (i = 1; i <= n; i++) {
		table(PT)[0] = DATA(i % NR_DATA) | P | W | U;
		turn = 2 * i;
		while (turn != 2 * i + 1)
			cpu_relax();
	}
	guest_done();
}

static void guest_is_shot(u64 n)
{
	u64 i;

	for (i = 1; i <= n; i++) {
		while (turn != 2 * i)
			cpu_relax();
		if (i % 3)
			invlpg(VA);
		else
			reload_cr3();
		GUEST_EQ(*at(VA), i % NR_DATA);
		turn = 2 * i + 1;
	}
	guest_done();
}

TEST(another_cpu_changes_them)
{
	u64 n = test_scale(1000);
	struct vcpu v[2];
	struct vm vm;

	start(&vm, &v[0], guest_shoots, n);
	vcpu_init(&v[1], &vm, 1);
	vcpu_cpuid(&v[1]);
	vcpu_long(&v[1], guest_is_shot, n);
	vcpu_start(&v[0]);
	vcpu_start(&v[1]);
	vcpu_join(&v[0]);
	vcpu_join(&v[1]);
	vm_free(&vm);
}

#define HAMMERS 4

static u64 next(u64 *seed)
{
	*seed = *seed * 6364136223846793005ul + 1442695040888963407ul;
	return *seed >> 20;
}

/* guest_fault is one for all CPUs: here each keeps its own way out, in a register. */
static void skip_access(struct guest_frame *f)
{
	f->rip = f->r11;
}

static void touch(u64 va, u64 value, bool write)
{
	if (write)
		asm volatile("leaq 9f(%%rip), %%r11; movq %0, (%1); 9:" : : "r"(value), "r"(va) : "r11", "memory");
	else
		asm volatile("leaq 9f(%%rip), %%r11; movq (%1), %0; 9:" : "+r"(value) : "r"(va) : "r11", "memory");
}

/* Anything into the tables of a region, and accesses to it: faults are as they come. */
static void guest_hammers(u64 arg)
{
	u64 seed = arg & 0xff, n = arg >> 8, i, v, where, what;

	guest_handler[PF] = skip_access;
	for (i = 0; i < n; i++) {
		v = next(&seed);
		where = TABLE(16 + v % 4) + (v >> 8 & 511) * 8;
		what = TABLE(16 + (v >> 20) % 8) | (v >> 30 & (P | W | U | A | D | PS)) | P;
		/* An address that no CPU has */
		if (!(v >> 17 & 15))
			what = 1ul << 50 | (v & 0xfff);
		*table(where) = what;
		v = next(&seed);
		touch(2 * VA + (v & (VA - 8)), what, v & 1);
		if (!(v & 6))
			invlpg(2 * VA + (v & (VA - 1)));
		if (!(v & 0x700))
			reload_cr3();
	}
	guest_done();
}

/* Entries point to the tables themselves, or to nothing: nobody but the guest suffers. */
TEST(hammered_by_four)
{
	u64 i, k, n = test_scale(3000);
	struct vcpu v[HAMMERS];
	struct vm vm;
	u64 *area;

	vm_init(&vm);
	area = vm_add_mem(&vm, SLOT_TEST, 0, AREA, AREA_SIZE);
	for (i = 0; i < 4; i++)
		for (k = 0; k < 512; k++)
			area[(16 + i) * 512 + k] = TABLE(16 + (i + k) % 8) | P | W | U;
	for (i = 0; i < HAMMERS; i++) {
		vcpu_init(&v[i], &vm, (u32)i);
		vcpu_cpuid(&v[i]);
		vcpu_long(&v[i], guest_hammers, n << 8 | i);
	}
	((u64 *)(vm.mem + GPA_PML4))[2] = TABLE(16) | P | W | U;
	for (i = 0; i < HAMMERS; i++)
		vcpu_start(&v[i]);
	for (i = 0; i < HAMMERS; i++)
		vcpu_join(&v[i]);
	vm_free(&vm);
}

#define CR0_PG_PE 0x80000001u
#define CR4_PSE 0x10u
#define FRAME 0x400000u
#define DIRECTORY_32 0x20000u

/* Reads both halves of a page of 4 MiB, gives it another frame, flushes its first address and says what is in the halves. */
BLOB32(moves_4m,
	" movl 0x40000000, %eax\n movl 0x40200000, %eax\n"
	" movl $0x10400087, 0x20400\n invlpg 0x40000000\n"
	" movl 0x40200000, %eax\n outl %eax, $0xe0\n movl 0x40000000, %eax\n outl %eax, $0xe0\n");

/* Of a page that two of the hardware's own entries map the guest flushes one address. */
TEST(pages_of_4m_are_flushed_whole)
{
	struct kvm_sregs s;
	struct vcpu v;
	struct vm vm;
	u8 *frames;
	u32 i;

	vm_init(&vm);
	frames = vm_add_mem(&vm, SLOT_TEST, 0, AREA, 2 * FRAME);
	for (i = 0; i < 4; i++)
		*(u32 *)(frames + i * FRAME / 2) = i;
	((u32 *)(vm.mem + DIRECTORY_32))[0] = P | W | U | PS;
	((u32 *)(vm.mem + DIRECTORY_32))[0x40000000u / FRAME] = (u32)(AREA | P | W | U | PS);
	vcpu_init(&v, &vm, 0);
	vcpu_cpuid(&v);
	LOAD(&vm, moves_4m);
	vcpu_prot(&v, GPA_CODE);
	get_sregs(&v, &s);
	s.cr3 = DIRECTORY_32;
	s.cr4 |= CR4_PSE;
	s.cr0 |= CR0_PG_PE;
	set_sregs(&v, &s);
	CHECK_EQ(*(u32 *)EXPECT_IO(&v, KVM_EXIT_IO_OUT, 0xe0, 4), 3);
	CHECK_EQ(*(u32 *)EXPECT_IO(&v, KVM_EXIT_IO_OUT, 0xe0, 4), 2);
	vcpu_free(&v);
	vm_free(&vm);
}

/*
 * With PCIDs: another root, beside what build() makes for the first, with pages at VA, each by a table of its own. They are more
 * than a hypervisor might look at by the way.
 */
#define CR4_PGE (1ul << 7)
#define CR4_PCIDE (1ul << 17)
#define NOFLUSH (1ul << 63)
#define G 0x100ul
#define PML4_B TABLE(8)
#define PT_B(n) TABLE(11 + (n))
#define NR_PT_B 32u

static bool has_pcid;	/* the guest */

static inline u64 read_cr4(void)
{
	u64 cr4;

	asm volatile("movq %%cr4, %0" : "=r"(cr4));
	return cr4;
}

static inline void write_cr4(u64 cr4)
{
	asm volatile("movq %0, %%cr4" : : "r"(cr4) : "memory");
}

static void build_other(void)
{
	u64 i;

	table(PML4_B)[0] = table(GPA_PML4)[0];
	table(PML4_B)[1] = TABLE(9) | P | W | U;
	table(TABLE(9))[0] = TABLE(10) | P | W | U;
	for (i = 0; i < NR_PT_B; i++)
		table(TABLE(10))[i] = PT_B(i) | P | W | U;
}

/* Other pages for it, counted from @first */
static void remap_other(u64 first, u64 bits)
{
	u64 i;

	for (i = 0; i < NR_PT_B; i++)
		table(PT_B(i))[0] = DATA((first + i) % NR_DATA) | P | W | U | bits;
}

static void flush_other(void)
{
	u64 i;

	for (i = 0; i < NR_PT_B; i++)
		invlpg(VA + i * PAGE_2M);
}

static void look_at_other(u64 first)
{
	u64 i;

	for (i = 0; i < NR_PT_B; i++)
		GUEST_EQ(*at(VA + i * PAGE_2M), (first + i) % NR_DATA);
}

/* Each flush is of what the guest comes back to without one. */
static void flush_pcids(u64 how, u64 i)
{
	u64 bits = how == 2 ? G : 0;

	/* PCID 2 has seen the other root's pages; how == 1: PCID 1 as well */
	load_cr3(PML4_B | (how == 1 ? 1 : 2));
	remap_other(i, bits);
	flush_other();
	look_at_other(i);
	load_cr3(GPA_PML4 | 1);
	remap_other(i + 1, bits);
	switch (how) {
	case 0:
		load_cr3(PML4_B | 2);
		break;
	case 1:
		load_cr3(GPA_PML4 | 1);
		load_cr3(PML4_B | 1 | NOFLUSH);
		break;
	case 2:
		flush_other();
		load_cr3(PML4_B | 2 | NOFLUSH);
		break;
	default:
		write_cr4(read_cr4() & ~CR4_PGE);
		write_cr4(read_cr4() | CR4_PGE);
		load_cr3(PML4_B | 2 | NOFLUSH);
	}
	look_at_other(i + 1);
}

static void guest_uses_pcids(u64 n)
{
	u64 i;

	has_pcid = cpuid(1, 0).c & 1u << 17;
	if (!has_pcid)
		guest_done();
	build();
	build_other();
	write_cr4(read_cr4() | CR4_PCIDE | CR4_PGE);
	for (i = 0; i < n; i++)
		flush_pcids(i % 4, i);
	/* They are told apart. */
	remap_other(7, 0);
	write_cr4(read_cr4() & ~CR4_PGE);
	load_cr3(PML4_B | 2);
	load_cr3(GPA_PML4 | 1);
	for (i = 0; i < n; i++) {
		load_cr3(PML4_B | 2 | NOFLUSH);
		look_at_other(7);
		load_cr3(GPA_PML4 | 1 | NOFLUSH);
		GUEST_EQ(*at(VA), 0);
	}
	guest_done();
}

TEST(pcids)
{
	struct vcpu v;
	struct vm vm;

	start(&vm, &v, guest_uses_pcids, test_scale(400));
	EXPECT_DONE(&v);
	if (!GUEST_VAR(&vm, has_pcid))
		SKIP("the guest's CPU has no PCIDs");
	vcpu_free(&v);
	vm_free(&vm);
}

#define MANY 400ul

static void guest_has_many_tables(u64 n)
{
	u64 i, k;

	build();
	for (i = 0; i < MANY; i++) {
		table(PD)[i] = TABLE(16 + i) | P | W | U;
		table(TABLE(16 + i))[i] = DATA(i) | P | W | U;
	}
	for (k = 0; k < n; k++)
		for (i = 0; i < MANY; i++)
			GUEST_EQ(*at(VA + i * PAGE_2M + i * PAGE), i);
	guest_done();
}

/* More tables than userspace lets it have shadows of */
TEST(few_shadow_pages)
{
	struct vcpu v;
	struct vm vm;

	start(&vm, &v, guest_has_many_tables, test_scale(20) + 1);
	CHECK_OK(ioctl(vm.fd, KVM_SET_NR_MMU_PAGES, 64ul));
	EXPECT_DONE(&v);
	vcpu_free(&v);
	vm_free(&vm);
}
