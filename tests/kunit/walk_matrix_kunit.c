// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest page table walker on generated tables: every combination of paging mode, control bits, access and rights, every bit
 * of every entry, A and D, entries that change meanwhile. What is right is decided here from the manuals' lists, kept as lists, of
 * what is allowed and what is reserved; nothing of that is shared with the walker.
 */
#include <kunit/test.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "compat.h"
#include "mmu/walk.h"

#define P	BIT_ULL(0)
#define W	BIT_ULL(1)
#define U	BIT_ULL(2)
#define A	BIT_ULL(5)
#define D	BIT_ULL(6)
#define PS	BIT_ULL(7)
#define G	BIT_ULL(8)
#define PAT_OF_LARGE	BIT_ULL(12)
#define NX	BIT_ULL(63)

/* PWT, PCD and what software may use */
#define ALWAYS_FREE	(GENMASK_ULL(4, 3) | GENMASK_ULL(11, 9))

#define LOAD	0
#define STORE	WR_ACC_WRITE
#define FETCH	WR_ACC_FETCH
#define USER	WR_ACC_USER
#define IMPLICIT	WR_ACC_IMPLICIT

#define MAX_LEVELS	5
#define MAX_REPORTS	5

/* struct shape - a paging mode, and the level that its pages are at */
struct shape {
	const char *name;
	u8 top, leaf, size;
	bool lma;
	u64 cr4;
};

static const struct shape shapes[] = {
	{ "2 levels", 2, 1, 4, false, X86_CR4_PSE },
	{ "2 levels, 4 MiB", 2, 2, 4, false, X86_CR4_PSE },
	{ "PAE", 2, 1, 8, false, X86_CR4_PAE },
	{ "PAE, 2 MiB", 2, 2, 8, false, X86_CR4_PAE },
	{ "4 levels", 4, 1, 8, true, X86_CR4_PAE },
	{ "4 levels, 2 MiB", 4, 2, 8, true, X86_CR4_PAE },
	{ "4 levels, 1 GiB", 4, 3, 8, true, X86_CR4_PAE },
	{ "5 levels", 5, 1, 8, true, X86_CR4_PAE | X86_CR4_LA57 },
	{ "5 levels, 2 MiB", 5, 2, 8, true, X86_CR4_PAE | X86_CR4_LA57 },
	{ "5 levels, 1 GiB", 5, 3, 8, true, X86_CR4_PAE | X86_CR4_LA57 },
};

static const u32 accesses[] = {
	LOAD, STORE, FETCH, USER | LOAD, USER | STORE, USER | FETCH, IMPLICIT | LOAD, IMPLICIT | STORE, IMPLICIT | FETCH,
};

/* struct world - a CPU and the one path through its tables that leads to an address. Any other entry is in no memory. */
struct world {
	struct wr_paging p;
	const struct shape *shape;
	u64 pdptr[4];
	int maxphyaddr;
	u64 gva;
	u64 entry[MAX_LEVELS + 1];	/* by level */
	u64 slot[MAX_LEVELS + 1];	/* where it is in memory */
	int race_level;			/* that entry is changed right before it is updated, 0: none */
	u64 race_entry;			/* to this */
	bool torn;			/* an update changed more than A and D */
	u32 random;
	u32 walks, reports;
};

/* struct verdict - what the manuals say that comes of an access */
struct verdict {
	bool fault;
	u32 error;
	u64 gpa, page_size;
	bool writable, user;
	u64 entry[MAX_LEVELS + 1];	/* the tables after it */
};

static u32 random(struct world *w)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 17;
	w->random ^= w->random << 5;
	return w->random;
}

static u64 random64(struct world *w)
{
	return (u64)random(w) << 32 | random(w);
}

/* Memory */

static int level_at(const struct world *w, u64 gpa, u32 size)
{
	int level;

	for (level = w->shape->top; level >= w->shape->leaf; level--)
		if (w->slot[level] == gpa && w->shape->size == size)
			return level;
	return 0;
}

static int read_entry(const struct wr_paging *p, u64 gpa, u64 *value, u32 size)
{
	struct world *w = p->data;
	int level = level_at(w, gpa, size);

	if (!level)
		return -ENXIO;
	*value = w->entry[level];
	return 0;
}

static int update_entry(const struct wr_paging *p, u64 gpa, u64 old, u64 new, u32 size)
{
	struct world *w = p->data;
	int level = level_at(w, gpa, size);

	if (!level)
		return -ENXIO;
	if (level == w->race_level) {
		w->race_level = 0;
		w->entry[level] = w->race_entry;
	}
	if (w->entry[level] != old)
		return 1;
	if ((old ^ new) & ~(A | D))
		w->torn = true;
	w->entry[level] = new;
	return 0;
}

static const struct wr_walk_ops ops = {
	.read = read_entry,
	.update = update_entry,
};

/* The manuals */

/* Where linear addresses are cut, by level */
static const u8 cuts_of_8[] = { 0, 12, 21, 30, 39, 48 };
static const u8 cuts_of_4[] = { 0, 12, 22 };

static int cut(const struct world *w, int level)
{
	return w->shape->size == 8 ? cuts_of_8[level] : cuts_of_4[level];
}

/* What holds of an access, for the rules below */
#define WP_OFF		BIT(0)
#define SMEP_OFF	BIT(1)
#define SMAP_OFF	BIT(2)
#define AC		BIT(3)
#define EXPLICIT	BIT(4)
#define ALL_W		BIT(5)		/* W in every entry */
#define NO_NX		BIT(6)		/* NX in none, or not in use */

/* What is allowed: nothing else is. */
static const struct right {
	u32 who, what;
	bool user_page;			/* U in every entry */
	u32 when;			/* all of these */
} rights[] = {
	{ 0, LOAD, false, 0 },
	{ 0, LOAD, true, SMAP_OFF },
	{ 0, LOAD, true, AC | EXPLICIT },
	{ 0, STORE, false, WP_OFF },
	{ 0, STORE, false, ALL_W },
	{ 0, STORE, true, WP_OFF | SMAP_OFF },
	{ 0, STORE, true, WP_OFF | AC | EXPLICIT },
	{ 0, STORE, true, ALL_W | SMAP_OFF },
	{ 0, STORE, true, ALL_W | AC | EXPLICIT },
	{ 0, FETCH, false, NO_NX },
	{ 0, FETCH, true, NO_NX | SMEP_OFF },
	{ USER, LOAD, true, 0 },
	{ USER, STORE, true, ALL_W },
	{ USER, FETCH, true, NO_NX },
};

static bool is_allowed(u32 access, bool user_page, u32 facts)
{
	const struct right *r;

	for (r = rights; r < rights + ARRAY_SIZE(rights); r++)
		if (r->who == (access & USER) && r->what == (access & (STORE | FETCH)) && r->user_page == user_page &&
		    (facts & r->when) == r->when)
			return true;
	return false;
}

/* When a bit is reserved */
enum when { ALWAYS, NO_NXE, ON_AMD, NO_GBPAGES, NO_PSE36, IN_PAE, IN_LONG_MODE };

/* A page, a table, or both */
enum what { PAGE = 1, TABLE = 2, BOTH = 3 };

static const struct reservation {
	u8 size, level;			/* level 0: all */
	enum what what;
	u8 from, to;
	enum when when;
} reservations[] = {
	{ 8, 0, BOTH, 63, 63, NO_NXE },
	{ 8, 0, BOTH, 52, 62, IN_PAE },
	{ 8, 5, BOTH, 7, 7, ALWAYS },
	{ 8, 5, BOTH, 8, 8, ON_AMD },
	{ 8, 4, BOTH, 7, 7, ALWAYS },
	{ 8, 4, BOTH, 8, 8, ON_AMD },
	{ 8, 3, BOTH, 7, 7, NO_GBPAGES },
	{ 8, 3, PAGE, 13, 29, ALWAYS },
	{ 8, 2, PAGE, 13, 20, ALWAYS },
	{ 4, 2, PAGE, 21, 21, ALWAYS },
	{ 4, 2, PAGE, 13, 20, NO_PSE36 },
};

static bool applies(const struct world *w, enum when when)
{
	switch (when) {
	case NO_NXE: return !(w->p.efer & EFER_NX);
	case ON_AMD: return w->p.amd;
	case NO_GBPAGES: return !w->p.gbpages;
	case NO_PSE36: return !w->p.pse36;
	case IN_PAE: return !w->shape->lma;
	default: return true;
	}
}

static u64 bits(int from, int to)
{
	return from > to ? 0 : GENMASK_ULL(to, from);
}

static bool is_page(const struct world *w, int level, u64 entry)
{
	if (level == 1)
		return true;
	if (!(entry & PS))
		return false;
	return w->shape->size == 8 ? level <= 3 : !!(w->p.cr4 & X86_CR4_PSE);
}

static bool has_reserved(const struct world *w, int level, u64 entry)
{
	enum what what = is_page(w, level, entry) ? PAGE : TABLE;
	const struct reservation *r;
	u64 reserved = w->shape->size == 8 ? bits(w->maxphyaddr, 51) : 0;

	/* Bits 13 to 20 of a page of 4 MiB are bits 32 to 39 of its address. */
	if (w->shape->size == 4 && level == 2 && what == PAGE)
		reserved = bits(w->maxphyaddr - 32 + 13, 20);
	for (r = reservations; r < reservations + ARRAY_SIZE(reservations); r++)
		if (r->size == w->shape->size && (!r->level || r->level == level) && (r->what & what) && applies(w, r->when))
			reserved |= bits(r->from, r->to);
	return entry & reserved;
}

/* A fault that sets no A, which it need not. */
static void page_fault(const struct world *w, u32 access, u32 error, struct verdict *v)
{
	bool nx = w->p.efer & EFER_NX && w->p.cr4 & X86_CR4_PAE;

	memcpy(v->entry, w->entry, sizeof(v->entry));
	v->fault = true;
	v->error = error | (access & (USER | STORE));
	if (access & FETCH && (nx || w->p.cr4 & X86_CR4_SMEP))
		v->error |= FETCH;
}

/* What PKRU says of a data access to a user page with this key */
static bool key_denies(const struct world *w, u32 access, int key)
{
	bool access_disable = w->p.pkru >> (2 * key) & 1, write_disable = w->p.pkru >> (2 * key + 1) & 1;

	if (access & STORE && write_disable && (access & USER || w->p.cr0 & X86_CR0_WP))
		return true;
	return access_disable;
}

static u32 facts_of(const struct world *w, u32 access)
{
	u32 facts = ALL_W | NO_NX;

	facts |= w->p.cr0 & X86_CR0_WP ? 0 : WP_OFF;
	facts |= w->p.cr4 & X86_CR4_SMEP ? 0 : SMEP_OFF;
	facts |= w->p.cr4 & X86_CR4_SMAP ? 0 : SMAP_OFF;
	facts |= w->p.ac ? AC : 0;
	facts |= access & IMPLICIT ? 0 : EXPLICIT;
	return facts;
}

static u64 address(const struct world *w, int level, u64 entry)
{
	u64 size = 1ULL << cut(w, level);
	u64 frame = entry & bits(12, w->shape->size == 8 ? 51 : 31) & ~(size - 1);

	if (w->shape->size == 4 && level == 2)
		frame |= (entry & bits(13, 20)) << (32 - 13);
	return frame | (w->gva & (size - 1));
}

/* What becomes of the access, when no entry changes meanwhile */
static void judge(const struct world *w, u32 access, struct verdict *v)
{
	u32 facts = facts_of(w, access);
	bool user_page = true;
	int level = w->shape->top + 1;
	u64 e;

	*v = (struct verdict) {};
	memcpy(v->entry, w->entry, sizeof(v->entry));
	if (!w->shape->lma && w->shape->size == 8 && !(w->pdptr[w->gva >> 30 & 3] & P))
		return page_fault(w, access, 0, v);
	do {
		e = w->entry[--level];
		if (!(e & P))
			return page_fault(w, access, 0, v);
		if (has_reserved(w, level, e))
			return page_fault(w, access, WR_ACC_PRESENT | WR_ACC_RSVD, v);
		facts &= e & W ? ~0U : ~ALL_W;
		facts &= e & NX && w->shape->size == 8 ? ~NO_NX : ~0U;
		user_page = user_page && e & U;
		v->entry[level] |= A;
	} while (!is_page(w, level, e));

	v->error = 0;
	if (w->shape->lma && w->p.cr4 & X86_CR4_PKE && user_page && !(access & FETCH) && key_denies(w, access, e >> 59 & 15))
		v->error = WR_ACC_PK;
	if (v->error || !is_allowed(access, user_page, facts))
		return page_fault(w, access, WR_ACC_PRESENT | v->error, v);
	v->entry[level] |= access & STORE ? D : 0;
	v->gpa = address(w, level, e);
	v->page_size = 1ULL << cut(w, level);
	v->writable = facts & ALL_W;
	v->user = user_page;
}

/* Generated tables */

/* Tables lie above 4 GiB where entries can name that. */
static u64 table_at(const struct world *w, int level)
{
	return w->shape->size == 8 ? (u64)level << 32 | 0x4000 : (u64)level << 20 | 0x4000;
}

/* A CPU without any protection, and the address of the next access */
static void place(struct world *w, const struct shape *shape)
{
	int level;

	w->shape = shape;
	w->gva = random64(w);
	if (!shape->lma)
		w->gva = (u32)w->gva;
	w->p.cr0 = X86_CR0_PG | X86_CR0_PE;
	w->p.cr4 = shape->cr4;
	w->p.efer = shape->lma ? EFER_LME | EFER_LMA : 0;
	w->p.cr3 = table_at(w, shape->top) | (random(w) & 0xfff);
	w->p.reserved = bits(w->maxphyaddr, 51);
	memset(w->pdptr, 0, sizeof(w->pdptr));
	w->pdptr[w->gva >> 30 & 3] = table_at(w, 2) | P | (random(w) & ALWAYS_FREE);
	for (level = shape->top; level; level--)
		w->slot[level] = table_at(w, level) + (w->gva >> cut(w, level) & (4096 / shape->size - 1)) * shape->size;
}

static u64 random_frame(struct world *w, int level)
{
	u64 low = 1ULL << cut(w, level), frame;

	if (w->shape->size == 8)
		return random64(w) & bits(12, w->maxphyaddr - 1) & ~(low - 1);
	frame = random(w) & ~(low - 1);
	if (level == 2 && w->p.pse36)
		frame |= random(w) & bits(13, min(w->maxphyaddr - 32 + 12, 20));
	return frame;
}

/* An entry with these rights, no reserved bit, and anything in the bits that do not matter */
static u64 generate(struct world *w, int level, u64 right)
{
	bool page = level == w->shape->leaf;
	u64 free = ALWAYS_FREE | A | D, e = P | right;

	if (w->shape->lma)
		free |= bits(52, 62);
	if (page || level <= 3)
		free |= G;
	if (page)
		free |= level == 1 ? PS : PAT_OF_LARGE;
	e |= random64(w) & free;
	if (!page)
		return e | table_at(w, level - 1);
	return e | random_frame(w, level) | (level > 1 ? PS : 0);
}

static void generate_all(struct world *w, u64 right)
{
	int level;

	for (level = w->shape->top; level >= w->shape->leaf; level--)
		w->entry[level] = generate(w, level, right);
}

/* Control bits, from a number below this */
#define NR_CONTROLS	64

static void control(struct world *w, u32 n)
{
	w->p.cr0 |= n & 1 ? X86_CR0_WP : 0;
	w->p.cr4 |= (n & 2 ? X86_CR4_SMEP : 0) | (n & 4 ? X86_CR4_SMAP : 0) | (n & 8 ? X86_CR4_PKE : 0);
	w->p.efer |= n & 16 ? EFER_NX : 0;
	w->p.ac = n & 32;
}

static void vary(struct world *w)
{
	u32 r = random(w);

	w->p.amd = r & 1;
	w->p.pse36 = r & 2;
	w->p.gbpages = true;
	w->p.pkru = random(w);
}

/* The walk */

static bool is_right(const struct world *w, int r, const struct wr_walk *out, const struct verdict *v)
{
	if (w->torn || memcmp(w->entry, v->entry, sizeof(w->entry)))
		return false;
	if (v->fault)
		return r == 1 && out->vector == X86_TRAP_PF && out->error == v->error;
	return !r && out->gpa == v->gpa && out->page_size == v->page_size && out->writable == v->writable &&
	       out->user == v->user;
}

static void report(struct kunit *test, struct world *w, u32 access, int r, const struct wr_walk *out, const struct verdict *v)
{
	if (w->reports++ >= MAX_REPORTS)
		return;
	KUNIT_FAIL(test, "%s, gva %llx access %x: result %d error %x gpa %llx, expected %d %x %llx", w->shape->name, w->gva, access,
		   r, out->error, out->gpa, v->fault, v->error, v->gpa);
	kunit_info(test, "cr0 %llx cr4 %llx efer %llx ac %d pkru %x amd %d pse36 %d 1G %d bits %d; now %llx %llx %llx %llx %llx, expected %llx %llx %llx %llx %llx",
		   w->p.cr0, w->p.cr4, w->p.efer, w->p.ac, w->p.pkru, w->p.amd, w->p.pse36, w->p.gbpages, w->maxphyaddr,
		   w->entry[5], w->entry[4], w->entry[3], w->entry[2], w->entry[1],
		   v->entry[5], v->entry[4], v->entry[3], v->entry[2], v->entry[1]);
}

static void check(struct kunit *test, struct world *w, u32 access)
{
	struct wr_walk out = {};
	struct verdict v;
	int r;

	w->walks++;
	judge(w, access, &v);
	r = wr_walk_paging(&w->p, &ops, w->gva, access, &out);
	if (!is_right(w, r, &out, &v))
		report(test, w, access, r, &out, &v);
}

static int world_init(struct kunit *test)
{
	struct world *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, w);
	test->priv = w;
	w->p.data = w;
	w->p.pdptr = w->pdptr;
	w->random = 0x2545f491;
	w->maxphyaddr = 46;
	w->p.gbpages = true;
	return 0;
}

#define for_each_shape(s) for (s = shapes; s < shapes + ARRAY_SIZE(shapes); s++)

/*
 * Rights that entries lack, from a number below this: W, U, and that of being fetched from. Where there is no NX, the last
 * changes nothing.
 */
#define NR_LACKS	8

static u64 without(const struct world *w, u64 right, u32 lack)
{
	right &= ~((lack & 1 ? W : 0) | (lack & 2 ? U : 0));
	return right | (lack & 4 && w->shape->size == 8 ? NX : 0);
}

/* The entry at @level lacks these rights, those elsewhere now and then */
static void take_rights(struct world *w, int level, u32 lack)
{
	int l;

	for (l = w->shape->top; l >= w->shape->leaf; l--) {
		u32 here = l == level ? lack : random(w) & random(w) & random(w) & lack;

		w->entry[l] = generate(w, l, without(w, W | U, here));
	}
}

/* AD and WD of the page's key, from a number below 4 */
static void set_key(struct world *w, u32 denied)
{
	int key = w->entry[w->shape->leaf] >> 59 & 15;

	w->p.pkru = (w->p.pkru & ~(3U << 2 * key)) | denied << 2 * key;
}

static void every_right_at(struct kunit *test, struct world *w, const struct shape *s, int level)
{
	u32 n, lack, key;
	int i;

	for (n = 0; n < NR_CONTROLS; n++) {
		for (lack = 0; lack < NR_LACKS; lack++) {
			for (key = 0; key < 4; key++) {
				place(w, s);
				control(w, n);
				vary(w);
				for (i = 0; i < ARRAY_SIZE(accesses); i++) {
					take_rights(w, level, lack);
					set_key(w, key);
					check(test, w, accesses[i]);
				}
			}
		}
		cond_resched();
	}
}

/*
 * WP, SMEP, SMAP, PKE, NXE and AC; AD and WD of the key; each access; W, U and NX: each combination, where the entry at each
 * level of each mode takes the rights away.
 */
static void every_right(struct kunit *test)
{
	struct world *w = test->priv;
	const struct shape *s;
	int level;

	for_each_shape(s)
		for (level = s->top; level >= s->leaf; level--)
			every_right_at(test, w, s, level);
	KUNIT_EXPECT_EQ(test, w->walks, 27U * NR_CONTROLS * 9 * NR_LACKS * 4);
	kunit_info(test, "%u walks", w->walks);
}

/* What makes an entry useless, from a number below this */
#define NR_DEFECTS	3

static void spoil(struct world *w, int level, u32 defect)
{
	u64 reserved = BIT_ULL(51);

	/* Only pages have reserved bits there. */
	if (w->shape->size == 4)
		reserved = level == w->shape->leaf && level == 2 ? BIT_ULL(21) : 0;
	if (defect != 0)
		w->entry[level] |= reserved;
	if (defect != 1)
		w->entry[level] &= ~P;
}

/*
 * Absent entries, reserved bits, both in one, at each level, for each access with all control bits; half of the time another
 * entry, above or below, is as bad. The rights are anything.
 */
static void every_defect(struct kunit *test)
{
	struct world *w = test->priv;
	const struct shape *s;
	u32 n, defect;
	int level, i;

	for_each_shape(s) {
		for (n = 0; n < NR_CONTROLS * s->top * NR_DEFECTS; n++) {
			level = n / NR_CONTROLS % s->top + 1;
			defect = n / NR_CONTROLS / s->top;
			if (level < s->leaf)
				continue;
			place(w, s);
			control(w, n % NR_CONTROLS);
			vary(w);
			for (i = 0; i < ARRAY_SIZE(accesses); i++) {
				take_rights(w, level, random(w) % NR_LACKS);
				spoil(w, level, defect);
				if (random(w) & 1)
					spoil(w, s->leaf + random(w) % (s->top - s->leaf + 1), random(w) % NR_DEFECTS);
				check(test, w, accesses[i]);
			}
		}
		cond_resched();
	}
	KUNIT_EXPECT_EQ(test, w->walks, 27U * NR_CONTROLS * 9 * NR_DEFECTS);
}

/* The other bits of the address of a table lead elsewhere, and a large page without PS is none. */
static bool can_flip(const struct shape *s, int level, int bit, int maxphyaddr)
{
	if (bit >= 8 * s->size)
		return false;
	if (level == s->leaf)
		return level == 1 || bit != 7;
	return bit < 12 || bit >= maxphyaddr;
}

static void every_bit_at(struct kunit *test, struct world *w, const struct shape *s, int level)
{
	int bit, cpu;

	for (bit = 0; bit < 64; bit++) {
		if (!can_flip(s, level, bit, w->maxphyaddr))
			continue;
		for (cpu = 0; cpu < 32; cpu++) {
			place(w, s);
			w->p.amd = cpu & 1;
			w->p.gbpages = cpu & 2;
			w->p.pse36 = cpu & 4;
			w->p.efer |= cpu & 8 ? EFER_NX : 0;
			if (s->leaf == 1 && cpu & 16)
				w->p.cr4 &= ~X86_CR4_PSE;
			generate_all(w, W | U);
			w->entry[level] ^= BIT_ULL(bit);
			check(test, w, accesses[random(w) % ARRAY_SIZE(accesses)]);
		}
	}
}

/* Which bits of an entry are reserved, by level, vendor, features and the width of addresses */
static void every_bit(struct kunit *test)
{
	static const u8 widths[] = { 36, 39, 40, 46, 51, 52 };
	struct world *w = test->priv;
	const struct shape *s;
	int i, level;

	for (i = 0; i < ARRAY_SIZE(widths); i++) {
		w->maxphyaddr = widths[i];
		for_each_shape(s)
			for (level = s->top; level >= s->leaf; level--)
				every_bit_at(test, w, s, level);
		cond_resched();
	}
	kunit_info(test, "%u walks", w->walks);
}

/* A at each level and D of the page, for each access, that is allowed and that is not */
static void every_accessed_and_dirty(struct kunit *test)
{
	struct world *w = test->priv;
	const struct shape *s;
	u32 mask, lack;
	int i, level;

	for_each_shape(s) {
		for (mask = 0; mask < 2U << s->top; mask++) {
			for (i = 0; i < ARRAY_SIZE(accesses) * NR_LACKS; i++) {
				lack = i / ARRAY_SIZE(accesses);
				place(w, s);
				control(w, random(w) % NR_CONTROLS);
				take_rights(w, s->leaf, lack);
				for (level = s->top; level >= s->leaf; level--) {
					w->entry[level] &= ~A;
					w->entry[level] |= mask >> level & 1 ? A : 0;
				}
				w->entry[s->leaf] &= ~D;
				w->entry[s->leaf] |= mask & 1 ? D : 0;
				check(test, w, accesses[i % ARRAY_SIZE(accesses)]);
			}
		}
	}
	kunit_info(test, "%u walks", w->walks);
}

/* What another CPU may do to an entry */
static u64 change(struct world *w, int level, u64 e, int how)
{
	u64 reserved = w->shape->size == 8 ? BIT_ULL(51) : 0;

	switch (how) {
	case 0: return e & ~P;
	case 1: return e ^ W;
	case 2: return e ^ U;
	case 3: return e | A | D;
	case 4: return e ^ BIT_ULL(9);
	case 5: return e | reserved;
	default: return generate(w, level, W) & ~(A | D);
	}
}

/* As is_right() for what the tables are now, but that A may have been set in entries above by the first attempt. */
static bool is_right_after_race(const struct world *w, int r, const struct wr_walk *out, struct verdict *v)
{
	int level;

	for (level = w->shape->top; v->fault && level > w->shape->leaf; level--)
		v->entry[level] |= w->entry[level] & A;
	return is_right(w, r, out, v);
}

static void check_race(struct kunit *test, struct world *w, u32 access, int level, int how)
{
	u64 before[MAX_LEVELS + 1];
	struct wr_walk out = {};
	struct verdict v;
	int r;

	memcpy(before, w->entry, sizeof(before));
	w->race_level = level;
	w->race_entry = change(w, level, w->entry[level], how);
	r = wr_walk_paging(&w->p, &ops, w->gva, access, &out);
	if (!w->race_level) {
		/* Judge the tables as the other CPU left them. */
		u64 now[MAX_LEVELS + 1];

		w->walks++;
		memcpy(now, w->entry, sizeof(now));
		memcpy(w->entry, before, sizeof(before));
		w->entry[level] = w->race_entry;
		judge(w, access, &v);
		memcpy(w->entry, now, sizeof(now));
		if (!is_right_after_race(w, r, &out, &v))
			report(test, w, access, r, &out, &v);
	}
	w->race_level = 0;
}

/* Another CPU changes an entry after it was read and before A or D is set in it: what it wrote stays, and decides. */
static void every_race(struct kunit *test)
{
	struct world *w = test->priv;
	const struct shape *s;
	int level, how, i;

	for_each_shape(s) {
		for (level = s->top; level >= s->leaf; level--) {
			for (i = 0; i < NR_CONTROLS * ARRAY_SIZE(accesses); i++) {
				for (how = 0; how < 7; how++) {
					place(w, s);
					control(w, i % NR_CONTROLS);
					generate_all(w, random(w) & 1 ? W | U : W);
					w->entry[level] &= ~(A | D);
					check_race(test, w, accesses[i / NR_CONTROLS], level, how);
				}
			}
		}
		cond_resched();
	}
	KUNIT_EXPECT_GT(test, w->walks, 27U * NR_CONTROLS);
	kunit_info(test, "%u walks", w->walks);
}

static void every_pdpte(struct kunit *test)
{
	struct world *w = test->priv;
	const struct shape *s = &shapes[2];
	int i, n;

	for (n = 0; n < NR_CONTROLS; n++) {
		for (i = 0; i < ARRAY_SIZE(accesses); i++) {
			place(w, s);
			control(w, n);
			generate_all(w, W | U);
			/* The other three are absent. */
			w->pdptr[w->gva >> 30 & 3] &= ~P;
			check(test, w, accesses[i]);
			w->pdptr[w->gva >> 30 & 3] |= P;
			check(test, w, accesses[i]);
		}
	}
}

/* Each bit of a PDPTE, for each width of addresses: reserved, or not; in an absent one none is. */
static void every_bit_of_pdpte(struct kunit *test)
{
	int width, bit, i;
	u64 p[4] = {};
	bool bad;

	for (width = 36; width <= 52; width++) {
		for (bit = 1; bit < 64; bit++) {
			bad = bit == 1 || bit == 2 || (bit >= 5 && bit <= 8) || bit >= width;
			for (i = 0; i < 4; i++) {
				p[i] = P | BIT_ULL(bit);
				KUNIT_EXPECT_EQ_MSG(test, wr_pdptrs_check(p, bits(width, 51)), bad ? -EINVAL : 0,
						    "bit %d width %d", bit, width);
				p[i] = BIT_ULL(bit);
				KUNIT_EXPECT_EQ(test, wr_pdptrs_check(p, bits(width, 51)), 0);
				p[i] = 0;
			}
		}
	}
}

static struct kunit_case matrix_cases[] = {
	KUNIT_CASE(every_right),
	KUNIT_CASE(every_defect),
	KUNIT_CASE(every_bit),
	KUNIT_CASE(every_accessed_and_dirty),
	KUNIT_CASE(every_race),
	KUNIT_CASE(every_pdpte),
	KUNIT_CASE(every_bit_of_pdpte),
	{}
};

struct kunit_suite wr_walk_matrix_suite = {
	.name = "warren_walk_matrix",
	.init = world_init,
	.test_cases = matrix_cases,
};
