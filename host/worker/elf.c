/* Owns the reading of section headers, dynamic symbols and dynamic entries.  Every
   offset of the file is checked before it is followed. */
#include <config.h>

#include "host/worker/elf.h"

#include <elf.h>
#include <link.h>

/* The header of this very program: what a file must be like to run here. */
extern const ElfW (Ehdr) __ehdr_start __attribute__ ((visibility ("hidden")));

struct image
{
  const char *p;
  size_t len;
  ElfW (Ehdr) head;
};

/* Copies the N-th element of SIZE bytes of the table at OFFSET. */
static int
fetch (const struct image *f, uint64_t offset, uint64_t n, size_t size, void *ret)
{
  uint64_t at;

  if (__builtin_mul_overflow (n, (uint64_t) size, &at) || __builtin_add_overflow (at, offset, &at)
      || at > f->len || f->len - at < size)
    return -EBADMSG;
  memcpy (ret, f->p + at, size);
  return 0;
}

/* The string at INDEX of a string table; NULL when it does not end within it. */
static const char *
string_at (const struct image *f, const ElfW (Shdr) *strings, uint64_t index)
{
  const char *s;

  if (strings->sh_offset > f->len || strings->sh_size > f->len - strings->sh_offset
      || index >= strings->sh_size)
    return NULL;
  s = f->p + strings->sh_offset + index;
  return memchr (s, '\0', strings->sh_size - index) ? s : NULL;
}

/* The first section of TYPE and the string table that it names. */
static int
find_section (const struct image *f, uint32_t type, ElfW (Shdr) *ret, ElfW (Shdr) *ret_strings)
{
  uint64_t i;
  int r;

  for (i = 0; i < f->head.e_shnum; i++)
    {
      r = fetch (f, f->head.e_shoff, i, sizeof *ret, ret);
      if (r < 0)
        return r;
      if (ret->sh_type == type)
        return fetch (f, f->head.e_shoff, ret->sh_link, sizeof *ret_strings, ret_strings);
    }
  return -EBADMSG;
}

static int
find_symbol (const struct image *f, const char *symbol, bool *ret)
{
  ElfW (Shdr) table, strings;
  ElfW (Sym) sym;
  uint64_t i;
  int r;

  r = find_section (f, SHT_DYNSYM, &table, &strings);
  if (r < 0)
    return r;
  *ret = false;
  for (i = 0; i < table.sh_size / sizeof sym; i++)
    {
      const char *name;

      r = fetch (f, table.sh_offset, i, sizeof sym, &sym);
      if (r < 0)
        return r;
      name = string_at (f, &strings, sym.st_name);
      if (!name)
        return -EBADMSG;
      if (sym.st_shndx != SHN_UNDEF && (sym.st_info & 0xf) == STT_FUNC && streq (name, symbol))
        *ret = true;
    }
  return 0;
}

static int
find_needed (const struct image *f, struct elf_object *ret)
{
  ElfW (Shdr) table, strings;
  ElfW (Dyn) dyn;
  uint64_t i;
  int r;

  r = find_section (f, SHT_DYNAMIC, &table, &strings);
  if (r < 0)
    return r;
  for (i = 0; i < table.sh_size / sizeof dyn && ret->n_needed < ELF_NEEDED_MAX; i++)
    {
      r = fetch (f, table.sh_offset, i, sizeof dyn, &dyn);
      if (r < 0)
        return r;
      if (dyn.d_tag != DT_NEEDED)
        continue;
      ret->needed[ret->n_needed] = string_at (f, &strings, dyn.d_un.d_val);
      if (!ret->needed[ret->n_needed])
        return -EBADMSG;
      ret->n_needed++;
    }
  return 0;
}

int
elf_read (const void *p, size_t len, const char *symbol, struct elf_object *ret)
{
  struct image f = { .p = p, .len = len };
  struct elf_object object = { 0 };
  ElfW (Shdr) last;
  int r;

  if (fetch (&f, 0, 0, sizeof f.head, &f.head) < 0
      || memcmp (f.head.e_ident, __ehdr_start.e_ident, EI_VERSION + 1) != 0
      || f.head.e_type != ET_DYN || f.head.e_machine != __ehdr_start.e_machine)
    return -ENOEXEC;
  /* The table of sections ends the file: a file cut short lacks a part of it. */
  if (f.head.e_shentsize != sizeof last || !f.head.e_shnum
      || fetch (&f, f.head.e_shoff, f.head.e_shnum - 1u, sizeof last, &last) < 0)
    return -EBADMSG;
  r = find_symbol (&f, symbol, &object.exports);
  if (r < 0)
    return r;
  r = find_needed (&f, &object);
  if (r < 0)
    return r;
  *ret = object;
  return 0;
}
