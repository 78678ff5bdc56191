import { type Account, avatarUrl } from '../accounts/index.ts'

/** Users and organisations as lists show them: huggingface_hub `hf_api.py:User`, `Organization`. */
export function presentAccount(account: Account) {
  const { id, name, fullname } = account
  const shown = { _id: id, fullname, avatarUrl: avatarUrl(id) }
  return account.kind === 'user'
    ? { ...shown, user: name, isPro: false, type: 'user' as const }
    : { ...shown, user: name, name, type: 'org' as const }
}

/** In the order of `ids`, without those that are gone. */
export function inOrder<T extends { readonly id: string }>(ids: readonly string[], found: readonly T[]): T[] {
  const byId = new Map(found.map(one => [one.id, one]))
  return ids.flatMap(id => byId.get(id) ?? [])
}
