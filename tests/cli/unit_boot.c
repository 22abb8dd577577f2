// SPDX-License-Identifier: GPL-2.0-only
/* The kernel loaders, with kernels good and broken. */
#include <asm/bootparam.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boot.h"
#include "layout.h"
#include "unit.h"
#include "util.h"

#define TEMPLATE "/tmp/warren-unit-XXXXXX"

static char path[sizeof(TEMPLATE)];
static char initrd_path[sizeof(TEMPLATE)];
static struct wr_memory mem;
static struct wr_boot boot;

static void write_file(char *name, const void *data, size_t len)
{
	FILE *file;
	int fd;

	strcpy(name, TEMPLATE);
	fd = mkstemp(name);
	file = fdopen(fd, "wb");
	EXPECT_EQ(fwrite(data, 1, len, file), len);
	fclose(file);
}

static int try(const void *kernel, size_t len, uint64_t memory, const char *cmdline)
{
	int ret;

	wr_memory_free(&mem);
	EXPECT_EQ(wr_memory_alloc(&mem, memory), 0);
	write_file(path, kernel, len);
	boot = (struct wr_boot){ .kernel = path, .cmdline = cmdline, .mem = &mem,
				 .rsdp = WR_LAYOUT_ACPI, .initrd = boot.initrd };
	ret = wr_boot_load(&boot);
	unlink(path);
	return ret;
}

/* A bzImage of two setup sectors and @body bytes. */
static struct {
	uint8_t setup[1024];
	uint8_t body[4096];
} image;

static struct setup_header *image_header(void)
{
	struct setup_header *hdr = (struct setup_header *)(image.setup + 0x1f1);

	memset(&image, 0, sizeof(image));
	hdr->setup_sects = 1;
	hdr->boot_flag = 0xaa55;
	hdr->jump = 0x66eb;
	hdr->header = 0x53726448;
	hdr->version = 0x20c;
	hdr->loadflags = LOADED_HIGH;
	hdr->initrd_addr_max = 0x7fffffff;
	hdr->kernel_alignment = 0x200000;
	hdr->relocatable_kernel = 1;
	hdr->xloadflags = XLF_KERNEL_64;
	hdr->cmdline_size = 20;
	hdr->pref_address = 0x1000000;
	hdr->init_size = 0x400000;
	memset(image.body, 0x90, sizeof(image.body));
	return hdr;
}

static int try_image(uint64_t memory, const char *cmdline)
{
	return try(&image, sizeof(image), memory, cmdline);
}

static void bzimage(void)
{
	struct boot_params *params;

	boot.initrd = NULL;
	image_header();
	EXPECT_EQ(try_image(64 * WR_MIB, "quiet"), 0);
	EXPECT(boot.entry.long_mode);
	EXPECT_EQ(boot.entry.rip, 0x1000200);
	EXPECT_EQ(boot.entry.rsi, WR_LAYOUT_ZERO_PAGE);
	EXPECT_EQ(*(uint8_t *)wr_memory_at(&mem, 0x1000000, 1), 0x90);
	EXPECT(!strcmp(wr_memory_at(&mem, WR_LAYOUT_CMDLINE, 6), "quiet"));
	params = wr_memory_at(&mem, WR_LAYOUT_ZERO_PAGE, 4096);
	EXPECT_EQ(params->hdr.type_of_loader, 0xff);
	EXPECT_EQ(params->hdr.cmd_line_ptr, WR_LAYOUT_CMDLINE);
	EXPECT_EQ(params->acpi_rsdp_addr, WR_LAYOUT_ACPI);
	EXPECT_EQ(params->e820_entries, 3);
	EXPECT_EQ(params->hdr.ramdisk_size, 0);
	/* No RAM at the preferred address: lower. */
	EXPECT_EQ(try_image(8 * WR_MIB, "quiet"), 0);
	EXPECT_EQ(boot.entry.rip, 0x200200);
}

static void bzimage_initrd(void)
{
	struct boot_params *params;
	static uint8_t initrd[5000];

	memset(initrd, 0x77, sizeof(initrd));
	write_file(initrd_path, initrd, sizeof(initrd));
	boot.initrd = initrd_path;
	image_header();
	EXPECT_EQ(try_image(64 * WR_MIB, "quiet"), 0);
	params = wr_memory_at(&mem, WR_LAYOUT_ZERO_PAGE, 4096);
	EXPECT_EQ(params->hdr.ramdisk_size, sizeof(initrd));
	EXPECT_EQ(params->hdr.ramdisk_image, 64 * WR_MIB - 0x2000);
	EXPECT(!memcmp(wr_memory_at(&mem, params->hdr.ramdisk_image, sizeof(initrd)), initrd,
		       sizeof(initrd)));
	image_header()->initrd_addr_max = 0x37ffffff;
	EXPECT_EQ(try_image(4096 * WR_MIB, "quiet"), 0);
	params = wr_memory_at(&mem, WR_LAYOUT_ZERO_PAGE, 4096);
	EXPECT_EQ(params->hdr.ramdisk_image, 0x38000000 - 0x2000);
	/* Just as much memory as the kernel takes. */
	image_header();
	EXPECT_EQ(try_image(20 * WR_MIB, "quiet"), -1);
	EXPECT_EQ(try_image(20 * WR_MIB + 0x2000, "quiet"), 0);
	unlink(initrd_path);
	EXPECT_EQ(try_image(64 * WR_MIB, "quiet"), -1);
	boot.initrd = NULL;
}

static void bzimage_broken(void)
{
	boot.initrd = NULL;
	image_header();
	EXPECT_EQ(try_image(64 * WR_MIB, "123456789012345678901"), -1);
	EXPECT_EQ(try_image(64 * WR_MIB, "12345678901234567890"), 0);
	image_header()->version = 0x20b;
	EXPECT_EQ(try_image(64 * WR_MIB, ""), -1);
	image_header()->xloadflags = 0;
	EXPECT_EQ(try_image(64 * WR_MIB, ""), -1);
	image_header()->setup_sects = 200;
	EXPECT_EQ(try_image(64 * WR_MIB, ""), -1);
	image_header()->init_size = 0xffffffff;
	EXPECT_EQ(try_image(64 * WR_MIB, ""), -1);
	image_header()->pref_address = 0xfffffffffffff000;
	EXPECT_EQ(try_image(64 * WR_MIB, ""), 0);
	image_header()->pref_address = 0xfffffffffffff000;
	((struct setup_header *)(image.setup + 0x1f1))->relocatable_kernel = 0;
	EXPECT_EQ(try_image(64 * WR_MIB, ""), -1);
	image_header()->init_size = 16;		/* the file is longer than that */
	((struct setup_header *)(image.setup + 0x1f1))->pref_address = 64 * WR_MIB - 16;
	EXPECT_EQ(try_image(64 * WR_MIB, ""), -1);
	image_header();
	EXPECT_EQ(try(&image, 600, 64 * WR_MIB, ""), -1);
	EXPECT_EQ(try("#!/bin/sh\n", 10, 64 * WR_MIB, ""), -1);
	EXPECT_EQ(try("", 0, 64 * WR_MIB, ""), -1);
}

static struct tiny_elf {
	Elf64_Ehdr ehdr;
	Elf64_Phdr ph[2];
	struct {
		Elf64_Nhdr nhdr;
		char name[4];
		uint64_t entry;
	} note;
	uint8_t text[64];
} elf;

static void make_elf(void)
{
	memset(&elf, 0, sizeof(elf));
	memcpy(elf.ehdr.e_ident, ELFMAG, SELFMAG);
	elf.ehdr.e_ident[EI_CLASS] = ELFCLASS64;
	elf.ehdr.e_machine = EM_X86_64;
	elf.ehdr.e_phoff = offsetof(struct tiny_elf, ph);
	elf.ehdr.e_phentsize = sizeof(Elf64_Phdr);
	elf.ehdr.e_phnum = 2;
	elf.ph[0].p_type = PT_LOAD;
	elf.ph[0].p_offset = offsetof(struct tiny_elf, text);
	elf.ph[0].p_paddr = 0x100000;
	elf.ph[0].p_filesz = sizeof(elf.text);
	elf.ph[0].p_memsz = 8192;
	elf.ph[1].p_type = PT_NOTE;
	elf.ph[1].p_offset = offsetof(struct tiny_elf, note);
	elf.ph[1].p_filesz = sizeof(elf.note);
	elf.note.nhdr = (Elf64_Nhdr){ .n_namesz = 4, .n_descsz = 8, .n_type = 18 };
	memcpy(elf.note.name, "Xen", 4);
	elf.note.entry = 0x100010;
	memset(elf.text, 0xf4, sizeof(elf.text));
}

static int try_elf(void)
{
	return try(&elf, sizeof(elf), 16 * WR_MIB, "quiet");
}

static void pvh(void)
{
	const uint32_t *info;

	boot.initrd = NULL;
	make_elf();
	EXPECT_EQ(try_elf(), 0);
	EXPECT(!boot.entry.long_mode);
	EXPECT_EQ(boot.entry.rip, 0x100010);
	EXPECT_EQ(boot.entry.rbx, WR_LAYOUT_PVH_INFO);
	EXPECT_EQ(*(uint8_t *)wr_memory_at(&mem, 0x100010, 1), 0xf4);
	info = wr_memory_at(&mem, WR_LAYOUT_PVH_INFO, 56);
	EXPECT_EQ(info[0], 0x336ec578);
	EXPECT_EQ(info[1], 1);
	EXPECT_EQ(info[3], 0);
	EXPECT_EQ(info[6], WR_LAYOUT_CMDLINE);
	EXPECT_EQ(info[8], WR_LAYOUT_ACPI);
	EXPECT_EQ(info[12], 3);
	elf.note.nhdr.n_descsz = 4;
	elf.note.entry = 0xdeadbeef00100010;
	EXPECT_EQ(try_elf(), 0);
	EXPECT_EQ(boot.entry.rip, 0x100010);
}

#define BROKEN(change) do { \
	make_elf(); \
	change; \
	EXPECT_EQ(try_elf(), -1); \
} while (0)

static void pvh_broken(void)
{
	boot.initrd = NULL;
	BROKEN(elf.note.nhdr.n_type = 17);
	BROKEN(elf.note.name[0] = 'K');
	BROKEN(elf.note.nhdr.n_descsz = 0xffffffff);
	BROKEN(elf.note.nhdr.n_namesz = 0xffffffff);
	BROKEN(elf.note.entry = 0x100000000);
	BROKEN(elf.note.entry = 0xc0000000);
	BROKEN(elf.ph[1].p_filesz = 1ull << 40);
	BROKEN(elf.ph[1].p_offset = 1ull << 40);
	BROKEN(elf.ph[0].p_filesz = 8193);
	BROKEN(elf.ph[0].p_memsz = UINT64_MAX);
	BROKEN(elf.ph[0].p_paddr = 16 * WR_MIB - 4096);
	BROKEN(elf.ph[0].p_paddr = 0xfffffffffffff000);
	BROKEN(elf.ph[0].p_paddr = WR_LAYOUT_ZERO_PAGE);
	BROKEN(elf.ph[0].p_offset = 1ull << 40);
	BROKEN(elf.ehdr.e_phnum = 0);
	BROKEN(elf.ehdr.e_phnum = 0xffff);
	BROKEN(elf.ehdr.e_phoff = UINT64_MAX);
	BROKEN(elf.ehdr.e_phentsize = 1);
	BROKEN(elf.ehdr.e_machine = EM_AARCH64);
}

const struct unit_test unit_boot[] = {
	{ "bzimage", bzimage },
	{ "bzimage-initrd", bzimage_initrd },
	{ "bzimage-broken", bzimage_broken },
	{ "pvh", pvh },
	{ "pvh-broken", pvh_broken },
	{ NULL, NULL },
};
