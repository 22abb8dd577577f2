// SPDX-License-Identifier: GPL-2.0-only
/* What all boot protocols share: choosing a loader, initrd, command line, descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot.h"
#include "layout.h"
#include "util.h"

static const struct wr_boot_loader *const loaders[] = { &wr_boot_bzimage, &wr_boot_pvh };

static int open_file(const char *path, uint64_t *size)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return wr_error("cannot open %s: %s", path, strerror(errno));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size == 0) {
		close(fd);
		return wr_error("%s is not a file with something in it", path);
	}
	*size = (uint64_t)st.st_size;
	return fd;
}

int wr_boot_read(const struct wr_boot *boot, int fd, uint64_t offset, uint64_t gpa, uint64_t len)
{
	void *to = wr_memory_at(boot->mem, gpa, len);

	if (!to) {
		wr_error("%s does not fit in the guest's memory", boot->kernel);
		wr_hint("give it more with --memory");
		return -1;
	}
	if (wr_read_full(fd, to, len, offset))
		return wr_error("cannot read %s: %s", boot->kernel,
				errno == ENODATA ? "the file is cut short" : strerror(errno));
	return 0;
}

int wr_boot_put_cmdline(const struct wr_boot *boot, size_t max)
{
	size_t len = strlen(boot->cmdline);
	void *to;

	if (max > WR_LAYOUT_CMDLINE_END - WR_LAYOUT_CMDLINE - 1)
		max = WR_LAYOUT_CMDLINE_END - WR_LAYOUT_CMDLINE - 1;
	if (len > max)
		return wr_error("--cmdline has %zu characters, this kernel takes %zu", len, max);
	to = wr_memory_at(boot->mem, WR_LAYOUT_CMDLINE, len + 1);
	memcpy(to, boot->cmdline, len + 1);
	return 0;
}

static int no_room(const struct wr_boot *boot, uint64_t size)
{
	wr_error("%s (%llu MiB) does not fit in the guest's memory beside the kernel", boot->initrd,
		 (unsigned long long)((size + WR_MIB - 1) / WR_MIB));
	wr_hint("give it more with --memory");
	return -1;
}

int wr_boot_put_initrd(const struct wr_boot *boot, uint64_t floor, uint64_t ceiling,
		       uint64_t *start, uint64_t *size)
{
	int ret = 0;
	int fd;

	*start = 0;
	*size = 0;
	if (!boot->initrd)
		return 0;
	fd = open_file(boot->initrd, size);
	if (fd < 0)
		return -1;
	if (ceiling > boot->mem->low)
		ceiling = boot->mem->low;
	if (ceiling < floor || ceiling - floor < *size) {
		ret = no_room(boot, *size);
		goto close_fd;
	}
	*start = (ceiling - *size) & ~0xfffull;
	if (*start < floor)
		ret = no_room(boot, *size);
	else if (wr_read_full(fd, wr_memory_at(boot->mem, *start, *size), *size, 0))
		ret = wr_error("cannot read %s: %s", boot->initrd, strerror(errno));
close_fd:
	close(fd);
	return ret;
}

void wr_boot_put_gdt(struct wr_boot *boot)
{
	const uint64_t gdt[] = {
		0, 0,
		/* Flat, present, accessed; code is 64-bit or 32-bit. */
		boot->entry.long_mode ? 0x00af9b000000ffffull : 0x00cf9b000000ffffull,
		0x00cf93000000ffffull,
		0x00008b0000000067ull,
	};

	memcpy(wr_memory_at(boot->mem, WR_LAYOUT_GDT, sizeof(gdt)), gdt, sizeof(gdt));
	boot->entry.gdt = WR_LAYOUT_GDT;
	boot->entry.gdt_limit = sizeof(gdt) - 1;
}

static const struct wr_boot_loader *find_loader(int fd, uint64_t size)
{
	uint8_t head[WR_BOOT_HEAD] = { 0 };
	size_t len = size < sizeof(head) ? (size_t)size : sizeof(head);
	size_t i;

	if (wr_read_full(fd, head, len, 0))
		return NULL;
	for (i = 0; i < ARRAY_SIZE(loaders); i++)
		if (loaders[i]->probe(head, len))
			return loaders[i];
	return NULL;
}

int wr_boot_load(struct wr_boot *boot)
{
	const struct wr_boot_loader *loader;
	uint64_t size;
	int ret;
	int fd;

	fd = open_file(boot->kernel, &size);
	if (fd < 0)
		return -1;
	loader = find_loader(fd, size);
	if (loader) {
		ret = loader->load(boot, fd, size);
	} else {
		ret = wr_error("%s is no kernel that warren can boot", boot->kernel);
		wr_hint("it takes a bzImage (/boot/vmlinuz-*) or a vmlinux with a PVH entry");
	}
	close(fd);
	return ret;
}
