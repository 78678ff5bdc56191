import type { OpenModel } from '../weights/index.ts'

/** A base that a file beside or around the weights names, as it stands there. */
export interface FileClaim {
  readonly source: 'adapter_config.json' | 'config.json' | 'gguf'
  readonly name: string
}

const claimLimit = 16
const lengthLimit = 300

/**
 * PEFT's `base_model_name_or_path`, transformers' `_name_or_path`, and of GGUF `general.base_model.N.repo_url`, or
 * organisation and name (ggml `docs/gguf.md`, "General metadata").
 */
export function fileClaims({ adapter, config, gguf }: OpenModel): FileClaim[] {
  const claims: FileClaim[] = []
  const claim = (source: FileClaim['source'], name: unknown) => {
    if (typeof name === 'string' && name !== '' && name.length <= lengthLimit) claims.push({ source, name })
  }
  claim('adapter_config.json', adapter?.base_model_name_or_path)
  claim('config.json', config?._name_or_path)
  for (let n = 0; gguf && n < claimLimit; n++) {
    const of = (key: string) => gguf.get(`general.base_model.${n}.${key}`)
    const [url, organization, name] = [of('repo_url'), of('organization'), of('name')]
    if (typeof url === 'string') claim('gguf', url)
    else if (typeof organization === 'string' && typeof name === 'string')
      claim('gguf', `${organization}/${name}`.replaceAll(' ', '-'))
  }
  return claims
}
