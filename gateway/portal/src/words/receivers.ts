// The gateway tells in English what became of a webhook; some of it is worth another language.

/** What the gateway says of receivers (`gateway/webhooks/`), longer sentences first. */
const REASONS: [RegExp, string][] = [
  [/^Disabled: the receiver answered 410 Gone\.$/, 'Der Empfänger hat 410 Gone geantwortet.'],
  [
    /^Disabled: the receiver has failed for (\d+) days\. The last reason: /,
    'Der Empfänger war $1 Tage lang gestört. Zuletzt: ',
  ],
  [/^A service administrator disabled it\.$/, 'Ein Dienstadministrator hat ihn abgeschaltet.'],
  [
    /^The webhook was disabled before this could be delivered\.$/,
    'Der Webhook wurde vor der Zustellung abgeschaltet.',
  ],
  [/The receiver answered (\d+)\.$/, 'Der Empfänger hat $1 geantwortet.'],
  [/The address leads nowhere\.$/, 'Die Adresse führt nirgendwohin.'],
  [/The host of the address is not known\.$/, 'Der Rechner in der Adresse ist unbekannt.'],
  [/The address leads into a private network\.$/, 'Die Adresse führt in ein privates Netz.'],
  [
    /The receiver gave no answer within (\d+) seconds\.$/,
    'Der Empfänger hat $1 Sekunden lang nicht geantwortet.',
  ],
  [/The receiver took too long\.$/, 'Der Empfänger hat zu lange gebraucht.'],
  [
    /The receiver's certificate is not valid: (.*)\.$/,
    'Das Zertifikat des Empfängers ist ungültig: $1.',
  ],
  [/The receiver speaks no TLS that we know\.$/, 'Der Empfänger spricht kein TLS, das wir kennen.'],
  [/The receiver refuses connections\.$/, 'Der Empfänger nimmt keine Verbindungen an.'],
  [
    /The connection was lost before the receiver had answered\.$/,
    'Die Verbindung riss ab, bevor der Empfänger antwortete.',
  ],
]

export function receiverInGerman(text: string): string {
  return REASONS.reduce((found, [english, german]) => found.replace(english, german), text)
}
