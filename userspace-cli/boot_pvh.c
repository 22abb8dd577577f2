// SPDX-License-Identifier: GPL-2.0-only
/* Loader for ELF kernels with a PVH note: entry in 32-bit protected mode, paging off. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "boot.h"
#include "layout.h"
#include "util.h"

#define NOTE_PHYS32_ENTRY 18
#define NOTE_MAX (64 * 1024)
#define SEGMENTS_MAX 128
#define CMDLINE_MAX 2047		/* of Linux on x86; longer ones it cuts without a word */

#define START_MAGIC 0x336ec578		/* "xEn3" with bit 7 of the E set */

/* The start info of the PVH boot protocol, version 1. */
struct start_info {
	uint32_t magic;
	uint32_t version;
	uint32_t flags;
	uint32_t nr_modules;
	uint64_t modlist;
	uint64_t cmdline;
	uint64_t rsdp;
	uint64_t memmap;
	uint32_t memmap_entries;
	uint32_t reserved;
};

struct module_entry {
	uint64_t start;
	uint64_t size;
	uint64_t cmdline;
	uint64_t reserved;
};

struct memmap_entry {
	uint64_t start;
	uint64_t size;
	uint32_t type;
	uint32_t reserved;
};

_Static_assert(sizeof(struct start_info) == 56, "PVH start info");
_Static_assert(sizeof(struct module_entry) == 32, "PVH module list");
_Static_assert(sizeof(struct memmap_entry) == 24, "PVH memory map");

/* All of it in one piece of guest memory. */
struct pvh_page {
	struct start_info info;
	struct module_entry module;
	struct memmap_entry memmap[WR_RANGES_MAX];
};

static bool probe(const uint8_t *head, size_t len)
{
	Elf64_Ehdr ehdr;

	if (len < sizeof(ehdr))
		return false;
	memcpy(&ehdr, head, sizeof(ehdr));
	return !memcmp(ehdr.e_ident, ELFMAG, SELFMAG) && ehdr.e_ident[EI_CLASS] == ELFCLASS64 &&
	       ehdr.e_machine == EM_X86_64;
}

static int load_segment(struct wr_boot *boot, int fd, const Elf64_Phdr *ph, uint64_t *end)
{
	void *to = wr_memory_at(boot->mem, ph->p_paddr, ph->p_memsz);

	if (ph->p_filesz > ph->p_memsz)
		return wr_error("%s: a segment is longer in the file than in memory", boot->kernel);
	if (!ph->p_memsz)
		return 0;
	if (!to) {
		wr_error("%s does not fit in the guest's memory (it loads %llu MiB at %llu MiB)",
			 boot->kernel, (unsigned long long)(ph->p_memsz / WR_MIB + 1),
			 (unsigned long long)(ph->p_paddr / WR_MIB));
		wr_hint("give it more with --memory");
		return -1;
	}
	if (ph->p_paddr < WR_LAYOUT_HIGH_RAM)
		return wr_error("%s: a segment loads below 1 MiB, where the launcher's tables are",
				boot->kernel);
	if (ph->p_paddr + ph->p_memsz > *end)
		*end = ph->p_paddr + ph->p_memsz;
	return wr_boot_read(boot, fd, ph->p_offset, ph->p_paddr, ph->p_filesz);
}

/* Notes are a header, a name and a descriptor, each padded to four bytes. */
static bool find_note(const uint8_t *notes, size_t len, uint64_t *entry)
{
	while (len >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr nh;
		size_t name, desc;

		memcpy(&nh, notes, sizeof(nh));
		name = ((size_t)nh.n_namesz + 3) & ~(size_t)3;
		desc = ((size_t)nh.n_descsz + 3) & ~(size_t)3;
		if (sizeof(nh) + name + desc > len)
			return false;
		if (nh.n_type == NOTE_PHYS32_ENTRY && nh.n_namesz == 4 &&
		    !memcmp(notes + sizeof(nh), "Xen", 4) && nh.n_descsz >= 4) {
			*entry = 0;
			memcpy(entry, notes + sizeof(nh) + name, nh.n_descsz < 8 ? 4 : 8);
			return true;
		}
		notes += sizeof(nh) + name + desc;
		len -= sizeof(nh) + name + desc;
	}
	return false;
}

static bool read_note(int fd, const Elf64_Phdr *ph, uint64_t *entry)
{
	bool found = false;
	uint8_t *notes;

	if (ph->p_filesz > NOTE_MAX)
		return false;
	notes = malloc(ph->p_filesz);
	if (notes && !wr_read_full(fd, notes, ph->p_filesz, ph->p_offset))
		found = find_note(notes, ph->p_filesz, entry);
	free(notes);
	return found;
}

static int load_segments(struct wr_boot *boot, int fd, const Elf64_Phdr *ph, size_t n,
			 uint64_t *end)
{
	bool found = false;
	size_t i;

	for (i = 0; i < n; i++) {
		if (ph[i].p_type == PT_LOAD && load_segment(boot, fd, &ph[i], end))
			return -1;
		if (ph[i].p_type == PT_NOTE && !found)
			found = read_note(fd, &ph[i], &boot->entry.rip);
	}
	if (found && boot->entry.rip < WR_LAYOUT_4G &&
	    wr_memory_at(boot->mem, boot->entry.rip, 1))
		return 0;
	wr_error("%s has no PVH entry", boot->kernel);
	wr_hint("build it with CONFIG_PVH=y, or boot its bzImage (/boot/vmlinuz-*)");
	return -1;
}

static int load_elf(struct wr_boot *boot, int fd, uint64_t *end)
{
	Elf64_Phdr ph[SEGMENTS_MAX];
	Elf64_Ehdr ehdr;

	if (wr_read_full(fd, &ehdr, sizeof(ehdr), 0))
		return wr_error("cannot read the header of %s", boot->kernel);
	if (ehdr.e_phentsize != sizeof(ph[0]) || !ehdr.e_phnum || ehdr.e_phnum > SEGMENTS_MAX)
		return wr_error("%s: not a kernel: its ELF program headers are odd", boot->kernel);
	if (wr_read_full(fd, ph, ehdr.e_phnum * sizeof(ph[0]), ehdr.e_phoff))
		return wr_error("%s: the file is cut short", boot->kernel);
	return load_segments(boot, fd, ph, ehdr.e_phnum, end);
}

static void put_start_info(struct wr_boot *boot, uint64_t initrd, uint64_t initrd_size)
{
	struct pvh_page *page = wr_memory_at(boot->mem, WR_LAYOUT_PVH_INFO, sizeof(*page));
	struct wr_range ranges[WR_RANGES_MAX];
	size_t i, n = wr_memory_map(boot->mem, ranges);

	memset(page, 0, sizeof(*page));
	page->info = (struct start_info){
		.magic = START_MAGIC,
		.version = 1,
		.nr_modules = initrd_size ? 1 : 0,
		.modlist = WR_LAYOUT_PVH_INFO + offsetof(struct pvh_page, module),
		.cmdline = WR_LAYOUT_CMDLINE,
		.rsdp = boot->rsdp,
		.memmap = WR_LAYOUT_PVH_INFO + offsetof(struct pvh_page, memmap),
		.memmap_entries = (uint32_t)n,
	};
	page->module.start = initrd;
	page->module.size = initrd_size;
	for (i = 0; i < n; i++) {
		page->memmap[i].start = ranges[i].start;
		page->memmap[i].size = ranges[i].size;
		page->memmap[i].type = ranges[i].type;
	}
}

static int load(struct wr_boot *boot, int fd, uint64_t file_size)
{
	uint64_t initrd, initrd_size, end = WR_LAYOUT_HIGH_RAM;

	(void)file_size;
	if (load_elf(boot, fd, &end))
		return -1;
	if (wr_boot_put_cmdline(boot, CMDLINE_MAX))
		return -1;
	if (wr_boot_put_initrd(boot, end, WR_LAYOUT_HOLE, &initrd, &initrd_size))
		return -1;
	put_start_info(boot, initrd, initrd_size);
	boot->entry.long_mode = false;
	boot->entry.rbx = WR_LAYOUT_PVH_INFO;
	wr_boot_put_gdt(boot);
	return 0;
}

const struct wr_boot_loader wr_boot_pvh = {
	.name = "ELF with a PVH note",
	.probe = probe,
	.load = load,
};
