// One POST per operation, with the session cookie; nothing is cached and nothing is guessed.
import type { TypedDocumentString } from './generated'

export type FailureKind = 'offline' | 'signed-out' | 'forbidden' | 'busy' | 'defect'

/** An operation that gave no answer. What a person can mend comes as `userErrors` instead. */
export class Failure extends Error {
  constructor(
    readonly kind: FailureKind,
    message: string,
    readonly requestId: string | null = null,
  ) {
    super(message)
  }
}

type GraphError = { message: string; extensions?: { code?: string; requestId?: string } }

const KINDS: Record<string, FailureKind> = {
  UNAUTHENTICATED: 'signed-out',
  FORBIDDEN: 'forbidden',
  RATE_LIMITED: 'busy',
}

const signedOutListeners = new Set<() => void>()

/** Called whenever an answer says that the session has ended. Returns how to stop listening. */
export function onSignedOut(listener: () => void): () => void {
  signedOutListeners.add(listener)
  return () => signedOutListeners.delete(listener)
}

const RETRY_PAUSE_MS = 700

/**
 * Send an operation and return its data.
 *
 * A mutation carries an idempotency key, so that one retry after a broken connection can't do it
 * twice: the gateway answers the second with what it answered the first.
 *
 * Throws a `Failure` when there is no answer, or only part of one; an abort by `signal` throws the
 * browser's AbortError.
 */
export async function ask<Result, Variables>(
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
  signal?: AbortSignal,
): Promise<Result> {
  const text = document.toString()
  const headers: Record<string, string> = {
    Accept: 'application/graphql-response+json, application/json;q=0.9',
    'Content-Type': 'application/json',
  }
  if (text.trimStart().startsWith('mutation')) headers['Idempotency-Key'] = randomKey()
  const request: RequestInit = {
    method: 'POST',
    credentials: 'same-origin',
    headers,
    body: JSON.stringify({ query: text, variables }),
    signal: signal ?? null,
  }
  const response = await send(request)
  const requestId = response.headers.get('X-Request-ID')
  let body: { data?: Result | null; errors?: GraphError[] }
  try {
    body = await response.json()
  } catch {
    throw fail(response.status === 401 ? 'signed-out' : kindOf(response.status), '', requestId)
  }
  const error = body.errors?.[0]
  if (error || !body.data) {
    const kind = KINDS[error?.extensions?.code ?? ''] ?? kindOf(response.status)
    throw fail(kind, error?.message ?? '', error?.extensions?.requestId ?? requestId)
  }
  return body.data
}

async function send(request: RequestInit): Promise<Response> {
  try {
    return await fetch('/graphql', request)
  } catch (error) {
    if (request.signal?.aborted) throw error
  }
  await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS))
  try {
    return await fetch('/graphql', request)
  } catch (error) {
    if (request.signal?.aborted) throw error
    throw fail('offline', '', null)
  }
}

function kindOf(status: number): FailureKind {
  if (status === 401) return 'signed-out'
  if (status === 403) return 'forbidden'
  return status === 429 || status === 503 ? 'busy' : 'defect'
}

function fail(kind: FailureKind, message: string, requestId: string | null): Failure {
  if (kind === 'signed-out') for (const listener of signedOutListeners) listener()
  return new Failure(kind, message, requestId)
}

/** 128 random bits; `crypto.randomUUID` is missing where a test install is reached by plain http. */
function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
