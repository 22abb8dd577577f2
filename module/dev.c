// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/warren: the system's ioctls and the dispatch that all files use.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "caps.h"
#include "cpuid.h"
#include "dev.h"
#include "msr.h"
#include "registry.h"
#include "ring.h"
#include "vcpu.h"
#include "vm.h"
#include "warren.h"

/* Arguments up to this size are copied to the stack. */
#define SMALL_ARG	256

/* Pages that a vCPU's file maps: struct kvm_run, port data, the coalesced ring */
#define VCPU_MMAP_PAGES	(KVM_COALESCED_MMIO_PAGE_OFFSET + 1)

static long call_locked(const struct wr_ioctl *row, void *object, struct mutex *mutex, void *arg,
			unsigned long user)
{
	long r;

	if (!(row->locks & WR_IOCTL_LOCK))
		return row->fn(object, arg, user);
	if (mutex_lock_killable(mutex))
		return -EINTR;
	r = row->fn(object, arg, user);
	mutex_unlock(mutex);
	return r;
}

static long call_copied(const struct wr_ioctl *row, void *object, struct mutex *mutex, void *arg,
			unsigned long user)
{
	unsigned int size = _IOC_SIZE(row->cmd), dir = _IOC_DIR(row->cmd);
	long r;

	if (dir & _IOC_WRITE) {
		if (copy_from_user(arg, (void __user *)user, size))
			return -EFAULT;
	} else {
		memset(arg, 0, size);
	}
	r = call_locked(row, object, mutex, arg, user);
	if (r >= 0 && dir & _IOC_READ && copy_to_user((void __user *)user, arg, size))
		return -EFAULT;
	return r;
}

static const struct wr_ioctl *find_ioctl(const struct wr_ioctl *table, size_t nr, unsigned int cmd)
{
	const struct wr_ioctl *row;

	for (row = table; row < table + nr; row++)
		if (row->cmd == cmd)
			return row;
	return NULL;
}

/* Apart from wr_ioctl_dispatch(), so that KVM_RUN does not pay for a buffer that the compiler clears. */
static noinline long call_with_arg(const struct wr_ioctl *row, void *object, struct mutex *mutex,
				   unsigned long user)
{
	unsigned int size = _IOC_SIZE(row->cmd);
	u64 small[SMALL_ARG / sizeof(u64)];
	void *big;
	long r;

	if (size <= sizeof(small))
		return call_copied(row, object, mutex, small, user);
	big = kmalloc(size, GFP_KERNEL_ACCOUNT);
	if (!big)
		return -ENOMEM;
	r = call_copied(row, object, mutex, big, user);
	kfree(big);
	return r;
}

/**
 * wr_ioctl_dispatch - find and make one call
 * @table: rows
 * @nr: how many
 * @object: what the file stands for
 * @mutex: its lock, for rows that want it
 * @cmd: from userspace
 * @user: its argument
 *
 * Return: what the handler does; -ENOTTY for a call that is not there, or has another size or direction.
 */
long wr_ioctl_dispatch(const struct wr_ioctl *table, size_t nr, void *object, struct mutex *mutex,
		       unsigned int cmd, unsigned long user)
{
	const struct wr_ioctl *row = find_ioctl(table, nr, cmd);

	if (!row)
		return -ENOTTY;
	if (!_IOC_SIZE(cmd) || row->locks & WR_IOCTL_NO_COPY)
		return call_locked(row, object, mutex, NULL, user);
	return call_with_arg(row, object, mutex, user);
}

static long get_api_version(void *object, void *arg, unsigned long user)
{
	return user ? -EINVAL : KVM_API_VERSION;
}

static long create_vm(void *object, void *arg, unsigned long user)
{
	return wr_vm_create(user);
}

static long check_extension(void *object, void *arg, unsigned long user)
{
	return wr_check_extension(NULL, user);
}

static long get_mmap_size(void *object, void *arg, unsigned long user)
{
	return user ? -EINVAL : VCPU_MMAP_PAGES * PAGE_SIZE;
}

/* The structs below end in an array: their handlers read and write the user's memory themselves. */
static long get_supported_cpuid(void *object, void *arg, unsigned long user)
{
	return wr_cpuid_supported((struct kvm_cpuid2 __user *)user, false);
}

static long get_emulated_cpuid(void *object, void *arg, unsigned long user)
{
	return wr_cpuid_supported((struct kvm_cpuid2 __user *)user, true);
}

static long get_msr_index_list(void *object, void *arg, unsigned long user)
{
	return wr_msr_index_list((struct kvm_msr_list __user *)user);
}

static long get_msr_feature_index_list(void *object, void *arg, unsigned long user)
{
	return wr_msr_feature_index_list((struct kvm_msr_list __user *)user);
}

static long get_mce_supported(void *object, void *arg, unsigned long user)
{
	*(u64 *)arg = wr_mce_supported();
	return 0;
}

/* The system has one attribute. */
static long has_attr(void *object, void *arg, unsigned long user)
{
	const struct kvm_device_attr *attr = arg;

	if (attr->flags)
		return -EINVAL;
	return attr->group || attr->attr != KVM_X86_XCOMP_GUEST_SUPP ? -ENXIO : 0;
}

static long get_attr(void *object, void *arg, unsigned long user)
{
	const struct kvm_device_attr *attr = arg;
	long err = has_attr(object, arg, user);

	return err ? err : put_user(wr_cpuid_xcr0(), (u64 __user *)(unsigned long)attr->addr);
}

/* KVM_GET_MSRS on the device: features. As many as can be read, and how many they were. */
static long get_msrs(void *object, void *arg, unsigned long user)
{
	return wr_msrs_transfer((struct kvm_msrs __user *)user, NULL, WR_MSRS_FEATURES);
}

/* WARREN_TRACE_OPEN on the device: of a VM that others may own */
static long trace_open(void *object, void *arg, unsigned long user)
{
	const struct warren_trace_open *open = arg;
	struct wr_vm *vm = wr_vm_find_visible(open->vm);
	struct wr_vcpu *vcpu;
	long r = -ENOENT;

	if (!vm)
		return -ENOENT;
	vcpu = wr_vcpu_by_index(vm, open->vcpu);
	if (vcpu)
		r = wr_ring_open(vcpu, open);
	wr_vm_put(vm);
	return r;
}

static const struct wr_ioctl dev_ioctls[] = {
	WR_IOCTL(KVM_GET_API_VERSION, get_api_version, 0),
	WR_IOCTL(KVM_CREATE_VM, create_vm, 0),
	WR_IOCTL(KVM_CHECK_EXTENSION, check_extension, 0),
	WR_IOCTL(KVM_GET_VCPU_MMAP_SIZE, get_mmap_size, 0),
	WR_IOCTL_RAW(KVM_GET_SUPPORTED_CPUID, get_supported_cpuid, 0),
	WR_IOCTL_RAW(KVM_GET_EMULATED_CPUID, get_emulated_cpuid, 0),
	WR_IOCTL_RAW(KVM_GET_MSR_INDEX_LIST, get_msr_index_list, 0),
	WR_IOCTL_RAW(KVM_GET_MSR_FEATURE_INDEX_LIST, get_msr_feature_index_list, 0),
	WR_IOCTL_RAW(KVM_GET_MSRS, get_msrs, 0),
	WR_IOCTL(KVM_X86_GET_MCE_CAP_SUPPORTED, get_mce_supported, 0),
	WR_IOCTL(KVM_GET_DEVICE_ATTR, get_attr, 0),
	WR_IOCTL(KVM_HAS_DEVICE_ATTR, has_attr, 0),
	WR_IOCTL(WARREN_TRACE_OPEN, trace_open, 0),
};

static long dev_ioctl(struct file *file, unsigned int cmd, unsigned long user)
{
	return wr_ioctl_dispatch(dev_ioctls, ARRAY_SIZE(dev_ioctls), NULL, NULL, cmd, user);
}

static const struct file_operations dev_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = dev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice warren_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "warren",
	.fops = &dev_fops,
};

/**
 * wr_dev_init - make /dev/warren
 *
 * Return: 0 or a negative error. Context: module load.
 */
int wr_dev_init(void)
{
	return misc_register(&warren_dev);
}

/**
 * wr_dev_exit - remove /dev/warren; open files keep the module
 */
void wr_dev_exit(void)
{
	misc_deregister(&warren_dev);
}
