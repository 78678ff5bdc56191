import { MalformedInput } from '../kernel/errors.ts'

/** A repository id `namespace/name`, spelled as its owner spelled it. */
export type RepoId = { readonly namespace: string; readonly name: string }

/** Longest repository name in characters (huggingface_hub utils/_validators.py: REPO_ID_REGEX). */
const NAME_LIMIT = 96
/** Longest account or organisation name in characters. The clients set no limit of their own. */
const NAMESPACE_LIMIT = 64

/**
 * First path segments that the hub serves itself, or may want to: an account of that name could never show its page.
 * Compared case-folded.
 */
const RESERVED_NAMESPACES: ReadonlySet<string> = new Set(
  `about account accounts activity admin api apps assets auth avatars blog bucket buckets cas changelog collection
  collections contact dashboard dataset datasets discussion discussions docs download downloads enterprise explore
  families family favicon.ico files forgot_password health healthz help home images inbox index.html info internal
  invite join kernel kernels languages legal lfs license licenses lineage livez login logout manifest.json metrics
  model models new new-bucket new-collection new-dataset new-model new-space none notifications null oauth objects
  openapi.json org organization organizations orgs papers password posts pricing privacy profile public raw readyz
  refs register repo repos reset_password resolve robots.txt rss search security settings signin signout signup
  sitemap.xml space spaces static stats status storage subscribe support system tags tasks telemetry terms
  terms-of-service token tokens transfer trending undefined upload uploads user users webhook webhooks well-known
  whoami www`.split(/\s+/),
)

/** Undefined if the name keeps the rules that namespaces and repositories share, else the broken rule. */
function nameFault(name: string, limit: number): string | undefined {
  if (name.length === 0) return 'is empty'
  if (name.length > limit) return `has ${name.length} characters, at most ${limit} are allowed`
  if (!/^[A-Za-z0-9._-]+$/.test(name)) return 'must consist of A-Z, a-z, 0-9, ".", "_" and "-"'
  if (/^[-.]|[-.]$/.test(name)) return 'must not begin or end with "-" or "."'
  if (name.includes('--') || name.includes('..')) return 'must not contain "--" or ".."'
  if (/\.git$/i.test(name)) return 'must not end in ".git"'
  return undefined
}

function refusal(what: string, name: string, fault: string): MalformedInput {
  const shown = name.length > 200 ? `${name.slice(0, 200)}…` : name
  return new MalformedInput(what, `${JSON.stringify(shown)} ${fault}`)
}

function isReservedNamespace(namespace: string): boolean {
  return RESERVED_NAMESPACES.has(namespace.toLowerCase())
}

/**
 * Throws MalformedInput unless `namespace` can name a new account or organisation: the characters of repository
 * names, at most 64, not reserved.
 */
export function checkNamespace(namespace: string): void {
  const fault =
    nameFault(namespace, NAMESPACE_LIMIT) ??
    (isReservedNamespace(namespace) ? 'is a name that the hub keeps for itself' : undefined)
  if (fault !== undefined) throw refusal('namespace', namespace, fault)
}

/** huggingface_hub utils/_validators.py: validate_repo_id. */
function checkRepoName(name: string): void {
  const fault = nameFault(name, NAME_LIMIT)
  if (fault !== undefined) throw refusal('repository name', name, fault)
}

/**
 * Reads `namespace/name`. Throws MalformedInput if it is not of that form or a part breaks its rules. Reserved
 * namespaces pass, since ids are also read for look-ups; only `checkNamespace` refuses them.
 */
export function parseRepoId(id: string): RepoId {
  const [namespace, name, ...rest] = id.split('/')
  if (namespace === undefined || name === undefined || rest.length > 0) {
    throw refusal('repository id', id, 'must have the form namespace/name')
  }
  const fault = nameFault(namespace, NAMESPACE_LIMIT)
  if (fault !== undefined) throw refusal('namespace', namespace, fault)
  checkRepoName(name)
  return { namespace, name }
}

/** The key under which a name, a namespace or a whole id is unique: two names that differ in case only are one. */
export function uniqueNameKey(nameOrId: string): string {
  return nameOrId.toLowerCase()
}
