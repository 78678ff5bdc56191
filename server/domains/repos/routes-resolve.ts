import { type Call, type Route, repoOf, route } from '../../http/route.ts'
import { type RangedBody, sendBytes } from '../../http/send-bytes.ts'
import { type Repository, repoApiPath } from '../../kernel/repository.ts'
import { contentTypeOf, dispositionOf } from './content-type.ts'
import { LfsObjectMissing } from './errors.ts'
import { type FoundFile, findFile } from './find-file.ts'
import type { GitObject } from './git-objects.ts'
import type { RepoParts } from './parts.ts'
import { resolveRevision, splitRevision } from './resolve-revision.ts'

/** hub-protocol section 5: `resolve` gives the content, `raw` the git blob (the pointer of an LFS file). */
export function resolveRoutes(parts: RepoParts): Route[] {
  return [
    route({
      method: ['GET', 'HEAD'],
      path: '{web}/resolve/*',
      grant: 'repo:read',
      about: {
        summary: 'Content of a file',
        tail: ['revision', 'path'],
        answers: { 200: '*/*', 206: '*/*' },
      },
      async handle(call) {
        const found = await open(parts, call)
        if (found.kind === 'absent') throw new LfsObjectMissing([found])
        return found.kind === 'regular' ? sendRegular(parts, call, found) : sendStored(parts, call, found)
      },
    }),
    route({
      method: ['GET', 'HEAD'],
      path: '{web}/raw/*',
      grant: 'repo:read',
      about: {
        summary: 'A file as git has it: of an LFS file the pointer',
        tail: ['revision', 'path'],
        answers: { 200: '*/*', 206: '*/*' },
      },
      async handle(call) {
        const found = await open(parts, call)
        const size = found.kind === 'regular' ? found.size : found.pointerSize
        return sendRegular(parts, call, { ...found, size })
      },
    }),
  ]
}

async function open(parts: RepoParts, call: Call): Promise<FoundFile> {
  const repo = repoOf(call)
  const { revision, path } = await splitRevision(parts, repo, call.tail)
  const commitId = await resolveRevision(parts, repo, revision)
  call.reply.header('x-repo-commit', commitId)
  const found = await findFile(parts, repo, commitId, path)
  call.reply
    .header('content-disposition', dispositionOf(path))
    // Whatever a repository holds, it must not run as a page of this hub.
    .header('content-security-policy', "default-src 'none'; sandbox")
    .header('x-content-type-options', 'nosniff')
    .header('cross-origin-resource-policy', 'cross-origin')
  return found
}

function sendRegular(parts: RepoParts, call: Call, file: { path: string; oid: string; size: number }) {
  const repo = repoOf(call)
  call.reply.header('etag', `"${file.oid}"`)
  // Read once, however many ranges are asked for.
  let blob: Promise<GitObject> | undefined
  const body: RangedBody = {
    size: file.size,
    contentType: contentTypeOf(file.path),
    async read({ start, end }) {
      blob ??= parts.git.read(repo.id, file.oid)
      return (await blob).content.subarray(start, end)
    },
  }
  return sendBytes(call.request, call.reply, body)
}

function sendStored(parts: RepoParts, call: Call, found: FoundFile & { kind: 'stored' }) {
  const { file, size, path } = found
  const commitId = String(call.reply.getHeader('x-repo-commit'))
  const links = xetLinks(repoOf(call), call.origin, commitId, file.fileHash)
  call.reply
    .header('etag', `"${file.sha256}"`)
    .header('x-linked-etag', `"${file.sha256}"`)
    .header('x-linked-size', size)
    .header('x-xet-hash', file.fileHash)
    // A browser's cache must not show the JSON below for the file.
    .header('vary', 'accept')
    .header(
      'link',
      `<${links.auth}>; rel="xet-auth", <${links.reconstruction}>; rel="xet-reconstruction-info"`,
    )
  if (call.request.method === 'GET' && call.request.headers.accept?.includes(xetFileInfo)) {
    return call.reply.type(xetFileInfo).send(
      JSON.stringify({
        hash: file.fileHash,
        refreshUrl: links.auth,
        reconstructionUrl: links.reconstruction,
        etag: `"${file.sha256}"`,
        size,
      }),
    )
  }
  return sendBytes(call.request, call.reply, {
    size,
    contentType: contentTypeOf(path),
    read: range => parts.blobs.read(file, range),
  })
}

/** @huggingface/hub asks for this instead of the bytes (`src/lib/file-download-info.ts`). */
const xetFileInfo = 'application/vnd.xet-fileinfo+json'

function xetLinks(repo: Repository, origin: string, commitId: string, fileHash: string) {
  return {
    auth: `${origin}${repoApiPath(repo)}/xet-read-token/${commitId}`,
    reconstruction: `${origin}/cas/v1/reconstructions/${fileHash}`,
  }
}
