import { HubError } from '../../kernel/errors.ts'

/** The bytes that came are not those that were announced. Nothing of them is visible. */
export class ContentMismatch extends HubError {
  readonly what: 'size' | 'sha256'
  readonly announced: string | number
  readonly found: string | number

  constructor(what: 'size' | 'sha256', announced: string | number, found: string | number) {
    super(`the ${what} of the content is ${found}, announced was ${announced}`)
    this.what = what
    this.announced = announced
    this.found = found
  }
}

/** A holder refers to content that it has not uploaded. */
export class FileNotHeld extends HubError {
  readonly holder: string
  readonly sha256s: readonly string[]

  constructor(holder: string, sha256s: readonly string[]) {
    super(`${sha256s.length} files have not been uploaded, the first is sha256 ${sha256s[0]}`)
    this.holder = holder
    this.sha256s = sha256s
  }
}

/** What was uploaded under this sha256 has been read and hashes to something else. It is never served. */
export class FileRefuted extends HubError {
  readonly sha256: string
  readonly fileHash: string

  constructor(sha256: string, fileHash: string) {
    super(`what was uploaded as sha256 ${sha256} hashes to something else; upload it again`)
    this.sha256 = sha256
    this.fileHash = fileHash
  }
}

/** No such Xet file here, or none that the token's holder refers to: one answer for both. */
export class FileNotKnown extends HubError {
  readonly fileHash: string

  constructor(fileHash: string) {
    super(`file ${fileHash} not found`)
    this.fileHash = fileHash
  }
}

/** A byte range that begins at or after the end of a file. */
export class RangeBeyondEnd extends HubError {
  readonly size: number

  constructor(size: number) {
    super(`the range begins after the last of ${size} bytes`)
    this.size = size
  }
}

/** Nobody has stored this chunk, or nobody whose content the asker may see. */
export class ChunkNotKnown extends HubError {
  readonly chunkHash: string

  constructor(chunkHash: string) {
    super(`chunk ${chunkHash} not found`)
    this.chunkHash = chunkHash
  }
}

/** This xorb is not stored, or the asker may not learn that it is. */
export class XorbNotKnown extends HubError {
  readonly xorbHash: string

  constructor(xorbHash: string) {
    super(`xorb ${xorbHash} not found`)
    this.xorbHash = xorbHash
  }
}

/** Collection is deleting this xorb in this moment. The same upload succeeds a little later. */
export class XorbBeingCollected extends HubError {
  readonly xorbHash: string

  constructor(xorbHash: string) {
    super(`xorb ${xorbHash} is being deleted in this moment; try again in some seconds`)
    this.xorbHash = xorbHash
  }
}

/** A xorb URL was used for bytes that are not part of the file for which it was given out. */
export class RangeNotGranted extends HubError {
  readonly xorbHash: string

  constructor(xorbHash: string) {
    super(`the range is not one of those that this URL of xorb ${xorbHash} was given out for`)
    this.xorbHash = xorbHash
  }
}

/** A shard that is well-formed and says what is not so. `subject` names the file or xorb in it. */
export class ShardRefused extends HubError {
  readonly subject: string

  constructor(subject: string, reason: string) {
    super(`shard: ${subject}: ${reason}`)
    this.subject = subject
  }
}

/** Stored bytes are not what they were: chunk `position` of the xorb, or its index, cannot be read or hashes otherwise. */
export class CorruptChunk extends HubError {
  readonly xorbHash: string
  readonly position: number | undefined

  constructor(xorbHash: string, position: number | undefined, reason: string) {
    super(
      `${position === undefined ? 'the index' : `chunk ${position}`} of xorb ${xorbHash} is damaged: ${reason}`,
    )
    this.xorbHash = xorbHash
    this.position = position
  }
}

/** No multipart upload of that id, or it has been collected. */
export class UploadNotKnown extends HubError {
  readonly uploadId: string

  constructor(uploadId: string) {
    super(`upload ${uploadId} not found; it may have expired, begin again`)
    this.uploadId = uploadId
  }
}

/** An upload cannot be completed: parts are missing. */
export class PartsMissing extends HubError {
  readonly uploadId: string
  readonly numbers: readonly number[]

  constructor(uploadId: string, numbers: readonly number[]) {
    super(`upload ${uploadId} lacks ${numbers.length} parts: ${numbers.slice(0, 20).join(', ')}`)
    this.uploadId = uploadId
    this.numbers = numbers
  }
}

/** The CAS token is missing, forged or over, or whoever asked for it may no longer do what it is for. */
export class CasTokenRefused extends HubError {
  readonly reason: CasTokenFault

  constructor(reason: CasTokenFault) {
    super(`the Xet access token ${reason === 'ended' ? 'has' : 'is'} ${reason}; ask the hub for a new one`)
    this.reason = reason
  }
}

type CasTokenFault = 'missing' | 'forged' | 'expired' | 'ended'

/** A read token was shown where a write token is needed. */
export class CasScopeMissing extends HubError {
  constructor() {
    super('this needs a Xet access token of scope write')
  }
}
