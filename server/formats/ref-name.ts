import { MalformedInput } from '../kernel/errors.ts'

/**
 * Longest full ref in bytes of UTF-8. Git has no limit of its own, file systems do: with this one a ref of a single
 * segment below `refs/heads/`, and the `.lock` file beside it, still fits a file name of 255 bytes.
 */
const REF_LIMIT = 255

/** Undefined if git accepts `ref` as the full name of a ref, else the broken rule (git-check-ref-format(1)). */
function refFault(ref: string): string | undefined {
  if (!ref.isWellFormed()) return 'is not valid Unicode'
  if (Buffer.byteLength(ref) > REF_LIMIT)
    return `is longer than ${REF_LIMIT} bytes, its refs/ prefix included`
  if (ref.startsWith('/') || ref.endsWith('/') || ref.includes('//')) {
    return 'must not begin or end with "/" or contain "//"'
  }
  for (const segment of ref.split('/')) {
    if (segment.startsWith('.')) return 'must not have a part between slashes that begins with "."'
    if (segment.endsWith('.lock')) return 'must not have a part between slashes that ends in ".lock"'
  }
  if (ref.includes('..')) return 'must not contain ".."'
  if (ref.endsWith('.')) return 'must not end with "."'
  if (ref.includes('@{')) return 'must not contain "@{"'
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what the rule forbids
  if (/[\x00-\x20\x7f~^:?*[\\]/.test(ref)) {
    return 'must not contain spaces, control characters or any of ~ ^ : ? * [ \\'
  }
  return undefined
}

/**
 * The rules for names that people choose, over those of git: `git branch` and `git tag` refuse a leading "-" and HEAD
 * (refs.c: check_branch_ref, check_tag_ref); a name that reads as a commit id or as a full ref would make every
 * `{rev}` in a URL ambiguous.
 */
function shortNameFault(name: string): string | undefined {
  if (name === '') return 'is empty'
  if (name.startsWith('-')) return 'must not begin with "-"'
  if (name === 'HEAD' || name === '@') return 'already means the current commit'
  if (/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(name)) return 'reads as a commit id'
  if (/^refs(?:\/|$)/.test(name)) return 'must not begin with "refs/", give the name without that prefix'
  return undefined
}

function refusal(what: string, name: string, fault: string): MalformedInput {
  const shown = name.length > 300 ? `${name.slice(0, 300)}…` : name
  return new MalformedInput(what, `${JSON.stringify(shown)} ${fault}`)
}

/** Throws MalformedInput, naming the broken rule, unless `name` (without `refs/heads/`) may name a branch. */
export function checkBranchName(name: string): void {
  const fault = shortNameFault(name) ?? refFault(`refs/heads/${name}`)
  if (fault !== undefined) throw refusal('Invalid reference for a branch', name, fault)
}

/** Throws MalformedInput, naming the broken rule, unless `name` (without `refs/tags/`) may name a tag. */
export function checkTagName(name: string): void {
  const fault = shortNameFault(name) ?? refFault(`refs/tags/${name}`)
  if (fault !== undefined) throw refusal('Invalid reference for a tag', name, fault)
}

/**
 * Throws MalformedInput, naming the broken rule, unless `ref` is a full ref such as `refs/heads/main` or
 * `refs/pr/1` that git and the hub accept. Branches and tags must also keep the rules of their short names.
 */
export function checkFullRef(ref: string): void {
  if (ref.startsWith('refs/heads/')) {
    checkBranchName(ref.slice('refs/heads/'.length))
  } else if (ref.startsWith('refs/tags/')) {
    checkTagName(ref.slice('refs/tags/'.length))
  } else {
    const fault = /^refs\/[^/]+\/./.test(ref) ? refFault(ref) : 'must have the form refs/kind/name'
    if (fault !== undefined) throw refusal('Invalid reference', ref, fault)
  }
}
