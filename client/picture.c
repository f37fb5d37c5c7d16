/*
 * picture.c
 *		Reads files and makes them smaller, on threads.
 */
#include "client/picture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/image/thumbnail.h"

/* A bytea has no more bytes. */
#define MAX_FILE		(1000LL * 1000 * 1000)
/* Masters are larger than what a server decodes. */
#define MAX_PIXELS		(1000LL * 1000 * 1000)
#define MAX_MEMORY		(2048LL * 1024 * 1024)
#define QUALITY			90

/* Reads `bytes` bytes, or fewer where the file has become shorter. */
static bool
read_all(int file, picture *p, size_t bytes)
{
	while (p->size < bytes)
	{
		ssize_t		got = read(file, p->data + p->size, bytes - p->size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (got == 0)
			break;
		p->size += (size_t) got;
	}
	return true;
}

/* Reads an open file. */
static void
read_file(picture *p, int file)
{
	struct stat status;

	if (fstat(file, &status) != 0)
		vc_fail(&p->error, VC_INVALID_IMAGE, "%s", strerror(errno));
	else if (status.st_size > MAX_FILE)
		vc_fail(&p->error, VC_LIMIT_EXCEEDED, "%lld bytes are more than PostgreSQL keeps in a value", (long long) status.st_size);
	else if ((p->data = malloc((size_t) status.st_size + 1)) == NULL)
		vc_no_memory(&p->error, (unsigned long long) status.st_size);
	else if (!read_all(file, p, (size_t) status.st_size))
		vc_fail(&p->error, VC_INVALID_IMAGE, "%s", strerror(errno));
	else if (vc_image_format(p->data, p->size) == NULL)
		vc_fail(&p->error, VC_INVALID_IMAGE, p->size == 0 ? "is empty" : "is no image");
}

/* Replaces a picture that is too large by a smaller JPEG. */
static void
shrink(picture *p, int max_size)
{
	static const vc_decode_limits limits = {.pixels = MAX_PIXELS, .memory = MAX_MEMORY};
	vc_image_info info;
	vc_thumbnail smaller;

	if (vc_image_header(p->data, p->size, &info, &p->error) != VC_OK ||
		(info.width <= max_size && info.height <= max_size))
		return;
	if (vc_picture_shrink(p->data, p->size, max_size, QUALITY, &limits, &smaller, &p->error) != VC_OK)
		return;
	free(p->data);
	p->data = smaller.data;
	p->size = smaller.size;
}

void
picture_read(void *job, const void *argument)
{
	picture    *p = job;
	const picture_options *options = argument;
	int			file = open(p->path, O_RDONLY | O_CLOEXEC);

	p->data = NULL;
	p->size = 0;
	p->error.code = VC_OK;
	if (file < 0)
		vc_fail(&p->error, VC_INVALID_IMAGE, "%s", strerror(errno));
	else
	{
		read_file(p, file);
		close(file);
	}
	if (p->error.code == VC_OK && options->max_size > 0)
		shrink(p, options->max_size);
	if (p->error.code != VC_OK)
	{
		free(p->data);
		p->data = NULL;
	}
}
