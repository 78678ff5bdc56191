import { imageTypes } from '../../formats/image-type.ts'
import { readBody } from '../../http/body.ts'
import { octets, type Route, route } from '../../http/route.ts'
import { sendBytes } from '../../http/send-bytes.ts'
import type { User } from '../../kernel/actor.ts'
import { imageLimit, openImage, uploadImage } from './images.ts'
import type { DiscussionParts } from './parts.ts'

/** huggingface_hub `hf_api.py:upload_attachment`: the raw image, answered by its URL as text. */
export function imageRoutes(parts: DiscussionParts): Route[] {
  return [
    route({
      method: 'POST',
      path: '/uploads',
      grant: 'own:write',
      about: {
        summary: 'Upload an image for a comment',
        takes: octets,
        answers: { 200: 'text/plain' },
      },
      async handle(call) {
        const bytes = await readBody(call.stream, imageLimit)
        const name = await uploadImage(parts, call.actor as User, bytes)
        return call.reply.type('text/plain; charset=utf-8').send(`${call.origin}/uploads/${name}`)
      },
    }),
    route({
      method: ['GET', 'HEAD'],
      path: '/uploads/:name',
      grant: 'anyone',
      about: { summary: 'An uploaded image', answers: { 200: imageTypes } },
      async handle({ params, request, reply }) {
        const { image, read } = await openImage(parts, String(params.name))
        reply
          .header('etag', `"${image.id}"`)
          .header('cache-control', 'public, max-age=31536000, immutable')
          .header('content-security-policy', "default-src 'none'; sandbox")
          .header('x-content-type-options', 'nosniff')
          .header('cross-origin-resource-policy', 'cross-origin')
        return sendBytes(request, reply, { size: image.bytes, contentType: image.content_type, read })
      },
    }),
  ]
}
