// SPDX-License-Identifier: GPL-2.0-only
/* Loader for bzImage: the 64-bit Linux boot protocol. */
#include <asm/bootparam.h>
#include <stddef.h>
#include <string.h>

#include "boot.h"
#include "layout.h"
#include "util.h"

#define HEADER_MAGIC 0x53726448		/* "HdrS" */
#define HEADER_OFFSET 0x1f1
#define SECTOR 512
#define ENTRY_64 0x200			/* from the start of the protected-mode part */
#define VERSION_64 0x020c		/* the first with xloadflags */
#define LOADER_UNDEFINED 0xff

_Static_assert(offsetof(struct boot_params, hdr) == HEADER_OFFSET, "zero page");
_Static_assert(sizeof(struct boot_params) == 4096, "zero page");

static bool probe(const uint8_t *head, size_t len)
{
	struct setup_header hdr;

	if (len < HEADER_OFFSET + sizeof(hdr))
		return false;
	memcpy(&hdr, head + HEADER_OFFSET, sizeof(hdr));
	return hdr.boot_flag == 0xaa55 && hdr.header == HEADER_MAGIC;
}

static int read_header(struct wr_boot *boot, int fd, struct setup_header *hdr)
{
	uint8_t end;

	if (wr_read_full(fd, hdr, sizeof(*hdr), HEADER_OFFSET) ||
	    wr_read_full(fd, &end, 1, 0x201))
		return wr_error("cannot read the header of %s", boot->kernel);
	/* The byte at 0x201 says how long the header is: what follows it is code, not header. */
	if (0x202 + (size_t)end < HEADER_OFFSET + sizeof(*hdr))
		memset((uint8_t *)hdr + (0x202 - HEADER_OFFSET) + end, 0,
		       HEADER_OFFSET + sizeof(*hdr) - 0x202 - end);
	if (hdr->version < VERSION_64 || !(hdr->xloadflags & XLF_KERNEL_64) ||
	    !(hdr->loadflags & LOADED_HIGH)) {
		wr_error("%s has no 64-bit entry", boot->kernel);
		wr_hint("use a 64-bit (amd64) kernel of Linux 3.8 or newer");
		return -1;
	}
	return 0;
}

static uint64_t load_address(const struct setup_header *hdr, const struct wr_memory *mem)
{
	uint64_t align = hdr->kernel_alignment ? hdr->kernel_alignment : 1;
	uint64_t at = hdr->pref_address;

	/* The preferred address spares the kernel a move; small guests have no RAM there. */
	if (!hdr->relocatable_kernel || wr_memory_at(mem, at, hdr->init_size))
		return at;
	return (WR_LAYOUT_HIGH_RAM + align - 1) / align * align;
}

static void put_page_tables(struct wr_boot *boot)
{
	const uint64_t present_write = 0x3, large = 0x80;
	uint64_t *table = wr_memory_at(boot->mem, WR_LAYOUT_PAGE_TABLES, 6 * 4096);
	uint64_t i;

	/* Identity for the first 4 GiB: all that the launcher puts anywhere is there. */
	memset(table, 0, 2 * 4096);
	table[0] = (WR_LAYOUT_PAGE_TABLES + 0x1000) | present_write;
	for (i = 0; i < 4; i++)
		table[512 + i] = (WR_LAYOUT_PAGE_TABLES + 0x2000 + i * 0x1000) | present_write;
	for (i = 0; i < 4 * 512; i++)
		table[1024 + i] = (i << 21) | large | present_write;
}

static void put_memory_map(struct boot_params *params, const struct wr_memory *mem)
{
	struct wr_range ranges[WR_RANGES_MAX];
	size_t i, n = wr_memory_map(mem, ranges);

	for (i = 0; i < n; i++) {
		params->e820_table[i].addr = ranges[i].start;
		params->e820_table[i].size = ranges[i].size;
		params->e820_table[i].type = ranges[i].type;
	}
	params->e820_entries = (uint8_t)n;
}

static void put_zero_page(struct wr_boot *boot, struct setup_header *hdr, uint64_t initrd,
			  uint64_t initrd_size)
{
	struct boot_params *params;

	params = wr_memory_at(boot->mem, WR_LAYOUT_ZERO_PAGE, sizeof(*params));
	memset(params, 0, sizeof(*params));
	hdr->type_of_loader = LOADER_UNDEFINED;
	hdr->loadflags &= (uint8_t)~CAN_USE_HEAP;
	hdr->cmd_line_ptr = WR_LAYOUT_CMDLINE;
	hdr->ramdisk_image = (uint32_t)initrd;
	hdr->ramdisk_size = (uint32_t)initrd_size;
	hdr->vid_mode = 0xffff;
	params->hdr = *hdr;
	params->acpi_rsdp_addr = boot->rsdp;
	put_memory_map(params, boot->mem);
}

static int load_kernel(struct wr_boot *boot, int fd, uint64_t file_size, struct setup_header *hdr)
{
	uint64_t setup = ((hdr->setup_sects ? hdr->setup_sects : 4) + 1) * SECTOR;
	uint64_t at = load_address(hdr, boot->mem);

	if (setup >= file_size)
		return wr_error("%s: the file is cut short", boot->kernel);
	/* The kernel unpacks itself in init_size bytes, which its file does not fill. */
	if (at >= WR_LAYOUT_HOLE || !wr_memory_at(boot->mem, at, hdr->init_size)) {
		wr_error("%s needs %u MiB of memory to unpack itself", boot->kernel,
			 (unsigned int)((at + hdr->init_size + WR_MIB - 1) / WR_MIB));
		wr_hint("give it more with --memory");
		return -1;
	}
	hdr->code32_start = (uint32_t)at;
	boot->entry.rip = at + ENTRY_64;
	return wr_boot_read(boot, fd, setup, at, file_size - setup);
}

static int load(struct wr_boot *boot, int fd, uint64_t file_size)
{
	uint64_t initrd, initrd_size, kernel_end;
	struct setup_header hdr;

	if (read_header(boot, fd, &hdr))
		return -1;
	if (load_kernel(boot, fd, file_size, &hdr))
		return -1;
	kernel_end = (uint64_t)hdr.code32_start + hdr.init_size;
	if (wr_boot_put_cmdline(boot, hdr.cmdline_size))
		return -1;
	if (wr_boot_put_initrd(boot, kernel_end, (uint64_t)hdr.initrd_addr_max + 1, &initrd,
			       &initrd_size))
		return -1;
	put_zero_page(boot, &hdr, initrd, initrd_size);
	put_page_tables(boot);
	boot->entry.long_mode = true;
	boot->entry.rsi = WR_LAYOUT_ZERO_PAGE;
	boot->entry.cr3 = WR_LAYOUT_PAGE_TABLES;
	wr_boot_put_gdt(boot);
	return 0;
}

const struct wr_boot_loader wr_boot_bzimage = {
	.name = "bzImage",
	.probe = probe,
	.load = load,
};
