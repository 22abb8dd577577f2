/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /dev/warren, and what the three kinds of files share: dispatch of ioctls by table.
 */
#ifndef WARREN_DEV_H
#define WARREN_DEV_H

#include <linux/types.h>

struct file;

/*
 * struct wr_ioctl - one call
 *
 * @cmd: number, direction and size.
 * @fn: gets the object; @arg is a kernel copy of the argument struct (copied in when @cmd has _IOC_WRITE, out after success when it
 *	has _IOC_READ), or the raw value where @cmd has no size; @user is the user's pointer, for what follows the struct.
 * @locks: WR_IOCTL_* taken around @fn.
 */
struct wr_ioctl {
	unsigned int cmd;
	long (*fn)(void *object, void *arg, unsigned long user);
	unsigned int locks;
};

#define WR_IOCTL_LOCK		BIT(0)	/* the object's mutex */
#define WR_IOCTL_NO_COPY	BIT(1)	/* the struct ends in an array: @fn copies itself, @arg is NULL */

/* Row of a table. Numbers alone do not tell calls apart. */
#define WR_IOCTL(nr, handler, lock_flags) \
	{ .cmd = (nr), .fn = (handler), .locks = (lock_flags) }

#define WR_IOCTL_RAW(nr, handler, lock_flags) \
	WR_IOCTL(nr, handler, (lock_flags) | WR_IOCTL_NO_COPY)

struct mutex;

long wr_ioctl_dispatch(const struct wr_ioctl *table, size_t nr, void *object, struct mutex *mutex,
		       unsigned int cmd, unsigned long user);

int wr_dev_init(void);
void wr_dev_exit(void);

#endif
