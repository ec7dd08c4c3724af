import type { ProductRelease, UserErrorCode } from '../graph/generated'
import type { Words } from '.'
import { receiverInGerman } from './receivers.ts'

const plural = (count: number, one: string, many: string) =>
  `${count.toLocaleString('de')} ${count === 1 ? one : many}`
const list = (items: readonly string[]) => new Intl.ListFormat('de').format(items)
const country = (code: string) => new Intl.DisplayNames('de', { type: 'region' }).of(code) ?? code

const releases: Record<ProductRelease, string> = {
  AX_2012: 'AX 2012',
  AX_2012_FEATURE_PACK: 'AX 2012 Feature Pack',
  AX_2012_R2: 'AX 2012 R2',
  AX_2012_R3: 'AX 2012 R3',
}

const codes: Record<UserErrorCode, string> = {
  REQUIRED: 'Bitte ausfüllen.',
  INVALID: 'Diese Angabe ist ungültig.',
  TOO_LONG: 'Diese Angabe ist zu lang.',
  NOT_FOUND: 'Das gibt es nicht mehr, oder Sie dürfen es nicht sehen.',
  FORBIDDEN: 'Das darf nur ein Dienstadministrator.',
  BATCH_TOO_LARGE: 'Das sind zu viele auf einmal. Wählen Sie weniger aus.',
  RATE_LIMITED: 'Zu viele Versuche. Warten Sie ein wenig.',
  MICROSOFT_ACCOUNT_TAKEN: 'Ein anderer Benutzer dieser Organisation hat dieses Microsoft-Konto.',
  MICROSOFT_ACCOUNT_MISMATCH: 'Die Einladung gilt für ein anderes Microsoft-Konto.',
  ROLE_REQUIRED: 'Wählen Sie mindestens eine Rolle aus.',
  ROLE_NOT_AVAILABLE: 'Diese Rolle ist hier nicht verfügbar.',
  ROLE_OUT_OF_SCOPE: 'Sie verwalten den Dienst dieser Rolle nicht.',
  LAST_SERVICE_ADMINISTRATOR: 'Ein Dienst muss mindestens einen Administrator behalten.',
  SELF_DEMOTION_NOT_CONFIRMED:
    'Die eigene Administratorrolle abzugeben, muss eigens bestätigt werden.',
  USER_HAS_ROLES:
    'Der Benutzer hat noch Rollen. Entfernen Sie zuerst alle Rollen und speichern Sie.',
  VERSION_CONFLICT: 'Jemand hat diesen Benutzer inzwischen geändert.',
  ALREADY_ASSOCIATED: 'Das Microsoft-Konto dieses Benutzers ist bereits verknüpft.',
  INVITATION_ACCEPTED: 'Diese Einladung wurde bereits verwendet.',
  INVITATION_EXPIRED: 'Diese Einladung ist abgelaufen.',
  INVITATION_REVOKED: 'Diese Einladung wurde zurückgezogen.',
  INVITATION_INVALID: 'Dieser Link ist ungültig oder durch einen neueren ersetzt.',
  ALREADY_SIGNED_UP: 'Die Organisation ist für diesen Dienst bereits angemeldet.',
  FEATURE_NOT_AVAILABLE: 'Dieser Dienst ist für Ihre Organisation nicht verfügbar.',
  SERVICE_NOT_ACTIVE: 'Dieser Dienst ist für Ihre Organisation deaktiviert.',
}

/** Why an organization can't use a service, as `resolvers/catalogue.py` says it in English. */
const unavailable = (reason: string) =>
  reason
    .replace(
      / is not available if (.*) is installed\.$/,
      ' ist nicht verfügbar, wenn $1 installiert ist.',
    )
    .replace(
      / is not available in ([A-Z]{2})\.$/,
      (_, code: string) =>
        ` ist in diesem Land oder dieser Region (${country(code)}) nicht verfügbar.`,
    )

export const german: Words = {
  product: 'Kundenportal',
  signIn: 'Anmelden',
  signOut: 'Abmelden',
  cancel: 'Abbrechen',
  close: 'Schließen',
  copy: 'Kopieren',
  done: 'Fertig',
  loading: 'Wird geladen',
  previous: 'Zurück',
  next: 'Weiter',
  firstPage: 'Das ist die erste Seite.',
  lastPage: 'Das ist die letzte Seite.',
  releases,
  installed: (release) => `Microsoft Dynamics ${releases[release]}`,
  country,
  availability: unavailable,
  titles: {
    checklist: 'Konfigurationsprüfliste',
    users: 'Benutzerverwaltung',
    audit: 'Protokoll',
    webhooks: 'Webhooks',
    me: 'Ihr Konto',
    invitations: 'Einladung',
  },
  shell: {
    skip: 'Zum Inhalt springen',
    organization: 'Organisation',
    navigation: 'Seiten',
    links: {
      checklist: 'Konfigurations\u00adprüfliste',
      users: 'Benutzer\u00adverwaltung',
      audit: 'Protokoll',
      webhooks: 'Webhooks',
    },
    preferences: 'Sprache und Darstellung',
    language: 'Sprache',
    theme: 'Darstellung',
    themes: { system: 'System', light: 'Hell', dark: 'Dunkel' },
    offline:
      'Sie sind offline. Die Anzeige ist womöglich veraltet; gespeichert werden kann gerade nichts.',
  },
  notFound: {
    title: 'Diese Seite gibt es nicht',
    text: 'Vielleicht ist die Adresse falsch geschrieben oder die Seite umgezogen.',
    home: 'Konfigurationsprüfliste',
  },
  signedOut: {
    title: 'Willkommen im Kundenportal',
    text: 'Richten Sie die Benutzer der Onlinedienste Ihrer Organisation ein, und legen Sie fest, wer was darf.',
    endedTitle: 'Sie sind abgemeldet',
    endedText:
      'Ihre Sitzung ist beendet. Melden Sie sich an, um dort weiterzumachen, wo Sie waren.',
    signIn: 'Mit Ihrem Microsoft-Konto anmelden',
    which: 'Verwenden Sie das Microsoft-Konto, das in Ihrer Einladung steht.',
    points: {
      checklist: 'Dienste anmelden und die Prüfliste abarbeiten.',
      users: 'Benutzer hinzufügen und ihre Rollen pflegen.',
      invitations: 'Menschen einladen, ihr Konto zu verknüpfen.',
    },
  },
  failures: {
    retry: 'Erneut versuchen',
    requestId: (id) => `Anfrage ${id}`,
    signOut: 'Die Abmeldung ist nicht gelungen. Bitte versuchen Sie es erneut.',
    offline: {
      title: 'Keine Verbindung',
      text: 'Das Gateway ist nicht erreichbar. Prüfen Sie Ihre Verbindung und versuchen Sie es erneut.',
    },
    'signed-out': {
      title: 'Sie sind abgemeldet',
      text: 'Ihre Sitzung ist beendet. Bitte melden Sie sich wieder an.',
    },
    forbidden: {
      title: 'Das ist Ihnen nicht zugänglich',
      text: 'Nur ein Dienstadministrator darf das sehen oder tun.',
    },
    busy: {
      title: 'Zu viele Anfragen',
      text: 'Das Gateway ist ausgelastet. Warten Sie kurz und versuchen Sie es erneut.',
    },
    defect: {
      title: 'Das hat nicht geklappt',
      text: 'Bei uns ist etwas schiefgegangen; es wurde festgehalten. Bitte versuchen Sie es erneut.',
    },
  },
  problems: {
    codes,
    explain: (code, message) => {
      const reason = code === 'FEATURE_NOT_AVAILABLE' ? unavailable(message) : message
      return reason === message ? (codes[code] ?? message) : reason
    },
    lastAdministrator: (services) =>
      `${list(services)} ${services.length === 1 ? 'hätte' : 'hätten'} keinen Administrator mehr. Ernennen Sie zuerst jemand anderen.`,
    hasRoles: (roles) => `Hat noch: ${list(roles)}.`,
    rateLimited: (seconds) =>
      `Zu viele Versuche. Versuchen Sie es in ${plural(Math.ceil(seconds / 60), 'Minute', 'Minuten')} erneut.`,
    role: (role, text) => `${role}: ${text}`,
  },
  users: {
    title: 'Benutzerverwaltung',
    actions: 'Aktionen für Benutzer',
    count: (count) => plural(count, 'Benutzer', 'Benutzer'),
    checked: (count) => `${count.toLocaleString('de')} ausgewählt`,
    checkAll: 'Alle Benutzer dieser Seite auswählen',
    check: (name) => `${name} auswählen`,
    pages: 'Seiten mit Benutzern',
    new: 'Neu',
    edit: 'Bearbeiten',
    delete: 'Löschen',
    send: 'Einladung senden',
    you: 'Sie',
    never: 'Nie',
    noRoles: 'Keine Rollen',
    search: 'Name oder Adresse suchen',
    reasons: {
      exactlyOne: 'Wählen Sie genau einen Benutzer mit seinem Kontrollkästchen aus.',
      oneOrMore: 'Wählen Sie einen oder mehrere Benutzer mit ihren Kontrollkästchen aus.',
      notAdministrator: 'Nur ein Dienstadministrator fügt Benutzer hinzu und pflegt ihre Rollen.',
      deactivated: 'Die Dienste, die Sie verwalten, sind deaktiviert.',
      cantEdit: (name) => `Sie dürfen das Profil von ${name} nicht ändern.`,
    },
    columns: {
      name: 'Name',
      account: 'Microsoft-Konto',
      roles: 'Rollen',
      status: 'Einladung',
      lastSignIn: 'Letzte Anmeldung',
    },
    status: { NOT_INVITED: 'Nicht eingeladen', INVITED: 'Eingeladen', ASSOCIATED: 'Verknüpft' },
    invitationStatus: {
      PENDING: 'Eingeladen',
      ACCEPTED: 'Angenommen',
      EXPIRED: 'Einladung abgelaufen',
      REVOKED: 'Einladung zurückgezogen',
      SUPERSEDED: 'Adresse geändert, neu einladen',
    },
    delivery: {
      QUEUED: 'Wartet auf den Versand',
      SENT: 'Gesendet',
      FAILED: 'Mail nicht zugestellt',
      failedHint: 'Prüfen Sie die E-Mail-Adresse und senden Sie erneut.',
    },
    filters: {
      service: 'Dienst',
      anyService: 'Alle Dienste',
      role: 'Rolle',
      anyRole: 'Alle Rollen',
      status: 'Status',
      anyStatus: 'Jeder Status',
      order: 'Reihenfolge',
    },
    orders: {
      name: 'Nachname, A bis Z',
      'name-down': 'Nachname, Z bis A',
      email: 'E-Mail-Adresse',
      newest: 'Neueste zuerst',
      oldest: 'Älteste zuerst',
      'signed-in': 'Letzte Anmeldung',
    },
    empty: {
      title: 'Noch keine Benutzer',
      text: 'Fügen Sie den ersten mit „Neu“ hinzu, und senden Sie dann die Einladung.',
    },
    nothingFound: {
      title: 'Kein Benutzer passt',
      text: 'Versuchen Sie es mit weniger Buchstaben, oder löschen Sie die Filter.',
      clear: 'Filter löschen',
    },
    invite: {
      sent: (count) =>
        count === 1 ? 'Einladung gesendet.' : `${count.toLocaleString('de')} Einladungen gesendet.`,
      someRefused: (count) =>
        `${plural(count, 'Einladung wurde', 'Einladungen wurden')} nicht gesendet`,
      roleFirst:
        'Hat noch keine Rolle. Vergeben Sie zuerst eine Rolle, und senden Sie dann die Einladung.',
      retry: (count) => (count === 1 ? 'Diese erneut senden' : `Diese ${count} erneut senden`),
    },
    import: {
      files: 'Benutzer und Dateien',
      button: 'Importieren',
      export: 'Exportieren',
      title: 'Benutzer importieren',
      explanation:
        'Wählen Sie eine Datei mit durch Kommas getrennten Werten in UTF-8, mit bis zu 10.000 Zeilen unter einer ersten Zeile, die die Spalten nennt:',
      roles:
        'Rollen werden als Dienst:Rolle geschrieben, etwa commerce-services:viewer, mehrere mit Leerzeichen dazwischen. Eine exportierte Datei kann so, wie sie ist, importiert werden.',
      file: 'Datei',
      chooseFirst: 'Wählen Sie zuerst eine Datei.',
      check: 'Datei prüfen',
      another: 'Andere Datei wählen',
      unreadable: {
        encoding:
          'Die Datei ist nicht in UTF-8. Speichern Sie sie als „CSV UTF-8“, und wählen Sie sie erneut.',
        size: 'Die Datei ist zu groß.',
        unreadable: 'Die Datei kann nicht gelesen werden.',
      },
      checking: 'Die Zeilen werden geprüft. Noch wird nichts angelegt.',
      creating: 'Die Benutzer werden angelegt.',
      progress: (done, total) =>
        `${done.toLocaleString('de')} von ${plural(total, 'Zeile', 'Zeilen')}`,
      goesOn: 'Der Import läuft weiter. Die Liste zeigt die neuen Benutzer, wenn er beendet ist.',
      report: (ready, refused) =>
        refused === 0
          ? `${plural(ready, 'Benutzer kann', 'Benutzer können')} angelegt werden. Noch ist nichts angelegt.`
          : `${plural(ready, 'Benutzer kann', 'Benutzer können')} angelegt werden, ${plural(refused, 'Zeile', 'Zeilen')} nicht. Noch ist nichts angelegt: Berichtigen Sie die Datei und wählen Sie sie erneut, oder legen Sie die guten Zeilen an.`,
      create: (count) => `${plural(count, 'Benutzer', 'Benutzer')} anlegen`,
      createGood: (count) => `${plural(count, 'gute Zeile', 'gute Zeilen')} anlegen`,
      done: (created, refused) =>
        refused === 0
          ? `${plural(created, 'Benutzer wurde', 'Benutzer wurden')} angelegt. Es wurde keine Mail gesendet.`
          : `${plural(created, 'Benutzer wurde', 'Benutzer wurden')} angelegt, ${plural(refused, 'Zeile wurde', 'Zeilen wurden')} abgelehnt. Es wurde keine Mail gesendet.`,
      failed: (why, created) =>
        `Der Import endete vorzeitig. ${why} Bis dahin: ${plural(created, 'Benutzer', 'Benutzer')} angelegt.`,
      refused: (count) => `${plural(count, 'Zeile ist', 'Zeilen sind')} abgelehnt`,
      line: (line, account) => `Zeile ${line}${account ? `: ${account}` : ''}`,
      more: (count) => `Und ${count.toLocaleString('de')} weitere.`,
      columns: {
        firstName: 'Vorname',
        lastName: 'Nachname',
        microsoftAccount: 'Microsoft-Konto',
        primaryEmailAddress: 'Primäre E-Mail-Adresse',
        roles: 'Rollen',
      },
    },
    remove: {
      checking: 'Wird geprüft …',
      title: (count) =>
        count === 1 ? 'Dieses Profil löschen?' : `Diese ${count} Profile löschen?`,
      consequence:
        'Der Zugang endet sofort, und offene Einladungen gelten nicht mehr. Ein gelöschtes Profil lässt sich nicht zurückholen.',
      confirm: (count) => (count === 1 ? 'Profil löschen' : `${count} Profile löschen`),
      blockedTitle: (count) =>
        count === 1
          ? 'Dieses Profil lässt sich noch nicht löschen'
          : `${count} Profile lassen sich noch nicht löschen`,
      all: 'Entfernen Sie alle Rollen und speichern Sie; danach lässt sich das Profil löschen.',
      those: (services) => `Entfernen Sie die Rollen von ${list(services)} und speichern Sie.`,
      others: (services) =>
        services.length === 1
          ? `Die Rollen von ${list(services)} muss ein Administrator dieses Dienstes entfernen.`
          : `Die Rollen von ${list(services)} müssen Administratoren dieser Dienste entfernen.`,
      openForm: 'Rollen bearbeiten',
      openFormOf: (name) => `Rollen von ${name} bearbeiten`,
      done: (count) =>
        count === 1 ? 'Das Profil wurde gelöscht.' : `${count} Profile wurden gelöscht.`,
    },
    form: {
      back: 'Benutzerverwaltung',
      newTitle: 'Neuer Benutzer',
      editTitle: 'Benutzer bearbeiten',
      person: 'Name',
      addresses: 'Konto und Adresse',
      firstName: 'Vorname',
      lastName: 'Nachname',
      microsoftAccount: 'Microsoft-Konto',
      accountHint:
        'Mitglieder von CustomerSource, PartnerSource oder der Microsoft Dynamics Community nehmen das Konto, das sie dort haben.',
      accountFixed:
        'Das Microsoft-Konto lässt sich nicht bearbeiten. Um es zu ändern, löschen Sie dieses Profil und legen Sie ein neues mit dem neuen Konto an.',
      primaryEmailAddress: 'Primäre E-Mail-Adresse',
      emailHint: 'Hierhin geht die Einladung. Sie darf vom Microsoft-Konto abweichen.',
      servicesAndRoles: 'Dienste und Rollen',
      save: 'Speichern',
      nothingToSave: 'Es wurde nichts geändert.',
      notSavedYet: 'Noch nicht gespeichert',
      created: (name) => `${name} wurde hinzugefügt. Senden Sie nun die Einladung.`,
      saved: (name) => `${name} wurde gespeichert.`,
      notSaved: 'Nicht gespeichert.',
      notSavedBecause: (count) => `Nicht gespeichert: ${plural(count, 'Problem', 'Probleme')}`,
      pendingRoles: (added, removed) =>
        added + removed === 0
          ? ''
          : `Beim Speichern ${[
              added > 0 && `${added === 1 ? 'kommt eine Rolle' : `kommen ${added} Rollen`} hinzu`,
              removed > 0 &&
                `${removed === 1 ? 'wird eine Rolle' : `werden ${removed} Rollen`} entfernt`,
            ]
              .filter(Boolean)
              .join(' und ')}.`,
      fieldNames: {
        firstName: 'Vorname',
        lastName: 'Nachname',
        microsoftAccount: 'Microsoft-Konto',
        primaryEmailAddress: 'Primäre E-Mail-Adresse',
        roles: 'Rollen',
        roleIds: 'Rollen',
      },
      invitation: {
        title: 'Einladung',
        sentTo: 'Gesendet an',
        sent: 'Zuletzt gesendet',
        notSent: 'noch nicht',
        lastAttempt: 'Letzter Versuch',
        times: (count) => (count > 1 ? `(${count}-mal)` : ''),
        expires: 'Der Link gilt bis',
        withdraw: 'Einladung zurückziehen',
        withdrawTitle: 'Diese Einladung zurückziehen?',
        withdrawText:
          'Der Link in der Mail gilt sofort nicht mehr. Sie können später einen neuen senden.',
        withdrawn: 'Die Einladung wurde zurückgezogen.',
      },
      missing: {
        title: 'Diesen Benutzer gibt es hier nicht',
        text: 'Das Profil wurde inzwischen gelöscht, oder Sie dürfen es nicht sehen.',
      },
      unsaved: {
        title: 'Ohne Speichern verlassen?',
        text: 'Ihre Änderungen sind nicht gespeichert und gehen verloren.',
        stay: 'Hier bleiben',
        leave: 'Verlassen',
      },
      selfDemotion: {
        title: 'Die eigene Administratorrolle abgeben?',
        text: 'Sie können die Benutzer dieses Dienstes danach nicht mehr verwalten. Zurückgeben kann die Rolle nur ein anderer Administrator.',
        yes: 'Abgeben',
        no: 'Behalten',
      },
      conflict: {
        title: 'Jemand anders hat diesen Benutzer inzwischen gespeichert',
        text: 'Von Ihren Eingaben ist nichts verloren. Letzte Änderung:',
        field: 'Feld',
        before: 'Vorher',
        theirs: 'Jetzt gespeichert',
        yours: 'Ihr Formular',
        noRoles: 'keine',
        keep: 'Meine Änderungen behalten, den Rest übernehmen',
        take: 'Meine Änderungen verwerfen',
        decideFirst: 'Entscheiden Sie zuerst, welche Änderungen gelten sollen.',
      },
    },
    roles: {
      available: 'Verfügbare Rollen',
      selected: 'Ausgewählte Rollen',
      arrows: 'Rollen verschieben',
      add: 'Hinzufügen',
      addAll: 'Alle hinzufügen',
      remove: 'Entfernen',
      removeAll: 'Alle entfernen',
      ofService: (role, service) => `${role} (${service})`,
      added: (names) => `${list(names)} zu den ausgewählten Rollen hinzugefügt.`,
      removed: (names) => `${list(names)} aus den ausgewählten Rollen entfernt.`,
      chooseToAdd: 'Wählen Sie eine Rolle in der Liste der verfügbaren Rollen.',
      chooseToRemove: 'Wählen Sie eine Rolle in der Liste der ausgewählten Rollen.',
      nothingToAdd: 'Es ist keine Rolle mehr übrig.',
      nothingToRemove: 'Es ist keine Rolle zu entfernen.',
      allSelected: 'Alle Rollen sind ausgewählt.',
      noneAvailable: 'Es gibt keine Rollen, die Sie vergeben könnten.',
      noneSelected: 'Noch ist keine Rolle ausgewählt.',
      locked: 'Sie verwalten diesen Dienst nicht; seine Rollen bleiben, wie sie sind.',
      lockedService: (service, why) =>
        `Die Rollen von ${service} lassen sich jetzt nicht ändern. ${why}`,
      keys: 'Leertaste wählt eine Rolle, Eingabe verschiebt sie, Strg+A wählt alle. Mit der Maus verschiebt ein Doppelklick.',
    },
  },
  checklist: {
    title: 'Konfigurationsprüfliste',
    welcome: 'Willkommen',
    welcomeText: (account) =>
      `${account} gehört noch zu keiner Organisation. Hat jemand Sie eingeladen, so öffnen Sie den Link in dessen Mail. Sonst melden Sie Ihre Organisation hier an.`,
    active: 'Aktiv',
    deactivated: 'Deaktiviert',
    notAvailable: 'Nicht verfügbar',
    activate: 'Aktivieren',
    deactivate: 'Deaktivieren',
    progress: (done, all) => `${done} von ${all} Schritten erledigt`,
    complete: 'Erledigt',
    open: 'Offen',
    unavailable: 'Nicht verfügbar',
    activateFirst: 'Erst nach dem Aktivieren',
    onlyAdministrators: 'Nur für Administratoren dieses Dienstes',
    steps: {
      'sign-up': 'Für den Dienst anmelden',
      'activate-subscription': 'Dienst aktivieren',
      'set-up-users': 'Benutzer einrichten',
      'send-invitations': 'Einladungen senden',
    },
    administrators: 'Dienstadministratoren:',
    nowActive: (service) => `${service} ist aktiv.`,
    nowDeactivated: (service) => `${service} ist deaktiviert.`,
    deactivation: {
      title: (service) => `${service} deaktivieren?`,
      text: 'Bis zur erneuten Aktivierung kann niemand den Dienst nutzen oder seine Rollen verwalten. Benutzer und Rollen bleiben erhalten.',
      yes: 'Deaktivieren',
    },
    more: 'Weitere Dienste',
    noMore: 'Ihre Organisation ist für alle Dienste angemeldet.',
    moreText:
      'Melden Sie Ihre Organisation für einen Dienst an, und Sie werden dessen Administrator.',
    first: 'Für einen Dienst anmelden',
    firstText: 'Ihre Organisation wird dabei angelegt, und Sie werden Administrator des Dienstes.',
    signUp: 'Dienst anmelden',
    newOrganization: 'Weitere Organisation anmelden',
  },
  signUp: {
    title: (service) => `Für ${service} anmelden`,
    titleNew: 'Weitere Organisation anmelden',
    consequence:
      'Sie werden Dienstadministrator: Sie fügen Benutzer hinzu und pflegen ihre Rollen.',
    service: 'Dienst',
    forWhom: 'Für welche Organisation?',
    newOrganization: 'Eine neue Organisation',
    name: 'Name der Organisation',
    release: 'Installierte Version',
    country: 'Land oder Region',
    countryHint: 'Lässt sich später nicht ändern.',
    submit: 'Dienst anmelden',
    done: (service, organization) => `${organization} ist für ${service} angemeldet.`,
  },
  invitation: {
    title: (organization) => `${organization} lädt Sie ein`,
    text: (services) =>
      services.length > 0
        ? `Verknüpfen Sie Ihr Microsoft-Konto, um ${list(services)} zu nutzen.`
        : 'Verknüpfen Sie Ihr Microsoft-Konto, um die Onlinedienste der Organisation zu nutzen.',
    needed: 'Benötigtes Microsoft-Konto',
    signedInAs: 'Angemeldet als',
    signIn: 'Mit diesem Microsoft-Konto anmelden',
    nothingYet: 'Es geschieht nichts, bevor Sie sich angemeldet und bestätigt haben.',
    complete: 'Verknüpfung abschließen',
    useAnother: 'Anderes Konto verwenden',
    otherAccount: {
      title: 'Das ist ein anderes Konto',
      text: (account) =>
        `Die Einladung gilt für ${account}. Melden Sie sich ab und mit jenem Konto wieder an: Sie kommen hierher zurück, und Ihr Link gilt weiterhin.`,
      signOut: 'Abmelden und zurückkommen',
    },
    unusable: {
      title: 'Diese Einladung lässt sich nicht verwenden',
      text: 'Der Link ist abgelaufen, zurückgezogen, durch einen neueren ersetzt oder bereits verwendet.',
      advice: [
        'Haben Sie die Verknüpfung schon abgeschlossen? Dann melden Sie sich einfach im Kundenportal an.',
        'Haben Sie mehrere Mails bekommen? Nur der Link in der neuesten gilt.',
        'Sonst bitten Sie Ihren Dienstadministrator, die Einladung erneut zu senden.',
      ],
      toPortal: 'Zum Kundenportal',
    },
    done: {
      title: (name) => `Willkommen, ${name}`,
      text: (organization) =>
        `Ihr Microsoft-Konto ist jetzt mit ${organization} verknüpft. Sie haben diese Rollen:`,
      go: 'Zum Kundenportal',
    },
  },
  me: {
    title: 'Ihr Konto',
    account: (account) => `Angemeldet als ${account}`,
    profiles: 'Ihre Profile',
    noProfiles: {
      title: 'Noch keine Profile',
      text: 'Sobald Sie zu einer Organisation gehören, stehen Ihre Rollen hier.',
    },
    granted: 'Erteilt',
    grantedBy: (name) => `Erteilt von ${name}`,
    sessions: {
      title: 'Wo Sie angemeldet sind',
      text: 'Wenn Sie eine Sitzung nicht kennen, melden Sie sich überall ab.',
      unknownClient: 'Unbekannter Browser',
      current: 'Dieser Browser',
      seen: 'Zuletzt gesehen',
      since: 'seit',
      endThis: 'Hier abmelden',
      endOne: (client) => `${client} abmelden`,
      endOthers: 'Die anderen abmelden',
      endAll: 'Überall abmelden',
      noOthers: 'Sie sind sonst nirgends angemeldet.',
      ended: (count) => `${plural(count, 'andere Sitzung', 'andere Sitzungen')} abgemeldet.`,
      confirmAll: {
        title: 'Überall abmelden?',
        text: 'Jeder Browser wird sofort abgemeldet, auch dieser.',
        yes: 'Überall abmelden',
      },
    },
    tokens: {
      title: 'Zugriffstoken',
      text: 'Ein Programm, das eines hat, handelt für Sie, in den Grenzen, die Sie wählen. Abmelden beendet es nicht; der Verlust Ihrer Rollen schon.',
      none: 'Sie haben keine Zugriffstoken.',
      create: 'Neues Zugriffstoken',
      submit: 'Erstellen',
      name: 'Name',
      nameHint: 'Wer es benutzt, zum Beispiel „nächtlicher Abgleich“.',
      scopesLabel: 'Befugnisse',
      scopes: {
        READ: { name: 'Lesen', text: 'Sehen, was Sie sehen, ohne das Protokoll.' },
        MANAGE_USERS: {
          name: 'Benutzer verwalten',
          text: 'Benutzer anlegen, bearbeiten und löschen.',
        },
        INVITE_USERS: {
          name: 'Benutzer einladen',
          text: 'Einladungen senden und zurückziehen.',
        },
        READ_AUDIT: { name: 'Protokoll lesen', text: 'Sehen, was geschehen ist.' },
      },
      lasts: 'Gilt',
      days: (count) => (count === 365 ? 'ein Jahr' : plural(count, 'Tag', 'Tage')),
      made: 'Ihr neues Zugriffstoken',
      once: 'Kopieren Sie es jetzt: Es wird nicht noch einmal gezeigt. Wer es hat, kann für Sie handeln; hüten Sie es wie ein Kennwort.',
      secret: 'Zugriffstoken',
      copied: 'Das Zugriffstoken ist in der Zwischenablage.',
      copyYourself: 'Das Zugriffstoken ist ausgewählt: Kopieren Sie es selbst.',
      closeBelow: 'Kopieren Sie zuerst das Zugriffstoken und wählen Sie dann „Fertig“.',
      usage: 'Senden Sie es in der Kopfzeile „Authorization: Bearer …“.',
      used: 'Zuletzt benutzt',
      neverUsed: 'Nie benutzt',
      ends: 'gilt bis',
      ended: 'galt bis',
      expired: 'Abgelaufen',
      revoke: 'Widerrufen',
      revokeOne: (name) => `${name} widerrufen`,
      revoked: (name) => `${name} wurde widerrufen.`,
      confirm: {
        title: (name) => `${name} widerrufen?`,
        text: 'Programme, die es benutzen, werden sofort und endgültig abgewiesen.',
        yes: 'Widerrufen',
      },
    },
  },
  audit: {
    count: (count) => plural(count, 'Ereignis', 'Ereignisse'),
    pages: 'Seiten mit Ereignissen',
    action: 'Was geschah',
    anyAction: 'Alles',
    outcome: 'Ergebnis',
    anyOutcome: 'Jedes Ergebnis',
    outcomes: { SUCCEEDED: 'Gelungen', DENIED: 'Verweigert' },
    askedFor: (field: string) => `Gewünscht: ${field}`,
    since: 'Von',
    until: 'Bis',
    empty: 'Bisher ist nichts geschehen',
    nothingFound: 'Nichts passt zu den Filtern',
    someone: 'Jemand',
    byToken: (prefix) => `mit Zugriffstoken ${prefix}…`,
    actions: {
      SERVICE_SIGNED_UP: 'Dienst angemeldet',
      SERVICE_ACTIVATED: 'Dienst aktiviert',
      SERVICE_DEACTIVATED: 'Dienst deaktiviert',
      USER_CREATED: 'Benutzer hinzugefügt',
      USER_EDITED: 'Benutzer bearbeitet',
      USER_REMOVED: 'Benutzer gelöscht',
      USERS_IMPORTED: 'Benutzer importiert',
      USERS_EXPORTED: 'Benutzer exportiert',
      INVITATION_SENT: 'Einladung gesendet',
      INVITATION_REVOKED: 'Einladung zurückgezogen',
      ACCOUNT_ASSOCIATED: 'Konto verknüpft',
      ASSOCIATION_REFUSED: 'Verknüpfung abgelehnt',
      SIGNED_IN: 'Angemeldet',
      SIGNED_OUT: 'Abgemeldet',
      ACCESS_TOKEN_CREATED: 'Zugriffstoken erstellt',
      ACCESS_TOKEN_REVOKED: 'Zugriffstoken widerrufen',
      WEBHOOK_CREATED: 'Webhook eingerichtet',
      WEBHOOK_EDITED: 'Webhook bearbeitet',
      WEBHOOK_REMOVED: 'Webhook entfernt',
      WEBHOOK_DISABLED: 'Webhook abgeschaltet',
    },
    fields: {
      firstName: 'Vorname',
      lastName: 'Nachname',
      microsoftAccount: 'Microsoft-Konto',
      primaryEmailAddress: 'Primäre E-Mail-Adresse',
      selectedRoles: 'Rollen',
      status: 'Status',
      sentTo: 'Gesendet an',
      associatedAccount: 'Konto',
      serviceAdministrator: 'Dienstadministrator',
      endedSessions: 'Beendete Sitzungen',
      mode: 'Art',
      rowsTotal: 'Zeilen',
      rowsRefused: 'Abgelehnte Zeilen',
      rowsCreated: 'Angelegte Benutzer',
      name: 'Name',
      scopes: 'Befugnisse',
      expiresAt: 'Gilt bis',
      url: 'Adresse',
      actions: 'Ereignisse',
      secret: 'Geheimnis',
    },
  },
  webhooks: {
    count: (count) => plural(count, 'Webhook', 'Webhooks'),
    create: 'Neuer Webhook',
    most: (count) =>
      `Eine Organisation hat höchstens ${plural(count, 'Webhook', 'Webhooks')}. Entfernen Sie zuerst einen.`,
    empty: {
      title: 'Noch keine Webhooks',
      text: 'Ein Webhook meldet einem Ihrer Systeme, was in dieser Organisation geschieht, sobald es geschieht: wer hinzugefügt, geändert oder eingeladen wurde. Richten Sie die Adresse des Systems mit „Neuer Webhook“ ein.',
    },
    allEvents: 'Alle Ereignisse',
    status: { ENABLED: 'Aktiv', DISABLED: 'Abgeschaltet', failing: 'Gestört' },
    by: (name) => `von ${name}`,
    byGateway: 'vom Gateway',
    since: 'seit',
    lastDelivery: 'Letzte Zustellung',
    noDelivery: 'Noch nichts zuzustellen',
    reason: receiverInGerman,
    form: {
      newTitle: 'Neuer Webhook',
      editTitle: 'Webhook bearbeiten',
      url: 'Adresse',
      urlHint: 'Beginnt mit https:// und ist aus dem Internet erreichbar.',
      whichEvents: 'Welche Ereignisse?',
      all: { name: 'Alle Ereignisse', text: 'Auch Arten, die später hinzukommen.' },
      some: { name: 'Nur diese', text: 'Von anderem erfährt die Adresse nichts.' },
      chooseOne: 'Wählen Sie mindestens ein Ereignis.',
      register: 'Einrichten',
      saved: 'Der Webhook wurde gespeichert.',
    },
    secret: {
      made: 'Das Geheimnis des Webhooks',
      once: 'Kopieren Sie es jetzt: Es wird nicht noch einmal gezeigt. Wer es hat, kann Nachrichten fälschen, die von uns zu kommen scheinen; hüten Sie es wie ein Kennwort.',
      secret: 'Geheimnis',
      copied: 'Das Geheimnis ist in der Zwischenablage.',
      copyYourself: 'Das Geheimnis ist ausgewählt: Kopieren Sie es selbst.',
      closeBelow: 'Kopieren Sie zuerst das Geheimnis und wählen Sie dann „Fertig“.',
      usage:
        'Der Empfänger prüft damit die Kopfzeile „webhook-signature“, mit jeder Bibliothek für Standard Webhooks.',
    },
    page: {
      back: 'Webhooks',
      actions: 'Aktionen für diesen Webhook',
      edit: 'Bearbeiten',
      disable: 'Abschalten',
      enable: 'Einschalten',
      rotate: 'Neues Geheimnis',
      remove: 'Entfernen',
      address: 'Adresse',
      events: 'Ereignisse',
      status: 'Status',
      registered: 'Eingerichtet',
      confirmDisable: {
        title: 'Diesen Webhook abschalten?',
        text: 'Die Adresse erfährt nichts mehr, und was für sie wartet, wird aufgegeben.',
        yes: 'Abschalten',
      },
      confirmRotate: {
        title: 'Ein neues Geheimnis erzeugen?',
        text: 'Das neue Geheimnis wird einmal gezeigt. 24 Stunden lang werden Nachrichten auch mit dem alten signiert, damit dem Empfänger beim Wechsel keine entgeht.',
        yes: 'Neues Geheimnis erzeugen',
      },
      confirmRemove: {
        title: 'Diesen Webhook entfernen?',
        text: 'Die Adresse erfährt nichts mehr. Was für sie wartet, geht endgültig verloren, ebenso die Liste ihrer Zustellungen.',
        yes: 'Entfernen',
      },
      disabled: 'Der Webhook ist abgeschaltet.',
      enabled: 'Der Webhook erfährt von jetzt an, was geschieht.',
      removed: 'Der Webhook wurde entfernt.',
    },
    missing: {
      title: 'Diesen Webhook gibt es nicht',
      text: 'Er wurde inzwischen entfernt, oder Sie dürfen ihn nicht sehen.',
    },
    deliveries: {
      title: 'Zustellungen',
      text: 'Die neuesten zuerst, aus den letzten 30 Tagen.',
      pages: 'Seiten mit Zustellungen',
      outcome: 'Ergebnis',
      anyOutcome: 'Jedes Ergebnis',
      status: { QUEUED: 'Wartet', SENT: 'Zugestellt', FAILED: 'Aufgegeben' },
      attempts: (count) => plural(count, 'Versuch', 'Versuche'),
      answered: (status) => `Antwort ${status}`,
      next: 'nächster Versuch',
      nextNow: 'nächster Versuch jetzt',
      message: 'Nachricht',
      again: 'Erneut senden',
      againOne: (event, at) => `Erneut senden: ${event}, ${at}`,
      againFailed: (count) => `${count.toLocaleString('de')} aufgegebene erneut senden`,
      confirmAgain: {
        title: (count) =>
          `${plural(count, 'aufgegebene Zustellung', 'aufgegebene Zustellungen')} erneut senden?`,
        text: 'Sie behalten ihre Kennungen, damit der Empfänger verwerfen kann, was er schon kennt. Höchstens 1.000 gehen auf einmal hinaus, die ältesten zuerst.',
        yes: 'Erneut senden',
      },
      queued: (count) =>
        count === 0
          ? 'Sie wartet schon, oder sie wird nicht mehr aufbewahrt.'
          : `${plural(count, 'Zustellung wartet', 'Zustellungen warten')} auf erneutes Senden.`,
      enableFirst: 'Der Webhook ist abgeschaltet. Schalten Sie ihn zuerst ein.',
      empty: {
        title: 'Noch nichts zugestellt',
        text: 'Was von jetzt an geschieht, steht hier, mit der Antwort des Empfängers.',
      },
      nothingFound: 'Keine Zustellung hat dieses Ergebnis',
    },
  },
}
