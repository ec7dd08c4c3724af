"use strict";

const ENDPOINT = "/graphql";

/** What this page itself asks: `who` and `sign-out`, trusted documents of the gateway. */
const OWN = JSON.parse(document.getElementById("own").textContent);

/** POST one request. The session's cookie goes along, since the endpoint is of this origin. */
async function send(parameters, headers) {
  const answer = await fetch(ENDPOINT, {
    method: "POST",
    headers: {
      Accept: "application/graphql-response+json, application/json",
      "Content-Type": "application/json",
      ...headers,
    },
    body: JSON.stringify(parameters),
  });
  return answer.json();
}

/** Whether the operation that is run has many answers. */
function hasManyAnswers({ query, operationName }) {
  const name = operationName ? `${operationName}\\b` : "";
  return new RegExp(`^\\s*subscription\\s*${name}`, "m").test(query);
}

/** POST a subscription; its answers come as server-sent events, until GraphiQL stops reading. */
function follow(parameters, headers) {
  const stopping = new AbortController();
  const answers = events({
    method: "POST",
    headers: { Accept: "text/event-stream", "Content-Type": "application/json", ...headers },
    body: JSON.stringify(parameters),
    signal: stopping.signal,
  });
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () => answers.next(),
    // A generator would only hear of it at the next event.
    async return() {
      stopping.abort();
      return { done: true, value: undefined };
    },
  };
}

/** The data of the events named `next` (HTML Standard, section 9.2.6). */
async function* events(request) {
  const answer = await fetch(ENDPOINT, request);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read().catch((error) => {
      if (request.signal.aborted) return { done: true };
      throw error;
    });
    if (done) return;
    const blocks = (text + value).split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const data = /^event: next$/m.test(block) && /^data: (.*)$/m.exec(block)?.[1];
      if (data) yield JSON.parse(data);
    }
  }
}

/** GraphiQL may still name the operation of the tab before, just after changing tabs. */
function withoutStaleName({ operationName, ...parameters }) {
  const isThere = new RegExp(`\\b${operationName}\\b`).test(parameters.query);
  return isThere ? { ...parameters, operationName } : parameters;
}

/** The ids that examples can start from: those of the viewer's first organization. */
function known(data) {
  const organization = data?.viewer?.profiles[0]?.organization;
  const subscriptions = organization?.subscriptions ?? [];
  const subscription =
    subscriptions.find((one) => one.viewerIsServiceAdministrator) ?? subscriptions[0];
  const service =
    data?.services.find((one) => one.id === subscription?.service.id) ?? data?.services[0];
  const role = service?.roles.find((one) => !one.isServiceAdministrator) ?? service?.roles[0];
  return { organizationId: organization?.id, serviceId: service?.id, roleId: role?.id };
}

/** Variables with `<organizationId>` and such replaced, where the id is known. */
function filled(variables, ids) {
  return variables?.replace(/<(\w+)>/g, (placeholder, name) => ids[name] ?? placeholder);
}

function showAccount(viewer) {
  document.getElementById("account").textContent = viewer
    ? `Signed in as ${viewer.microsoftAccount}`
    : "Not signed in";
  document.getElementById("sign-in").hidden = Boolean(viewer);
  const button = document.getElementById("sign-out");
  button.hidden = !viewer;
  button.addEventListener("click", async () => {
    const { data } = await send({ query: OWN["sign-out"] });
    window.location.assign(data?.signOut.redirectUrl ?? ENDPOINT);
  });
}

async function start() {
  const { data } = await send({ query: OWN.who });
  showAccount(data?.viewer);
  const ids = known(data);
  const tabs = JSON.parse(document.getElementById("tabs").textContent);
  ReactDOM.createRoot(document.getElementById("graphiql")).render(
    React.createElement(GraphiQL, {
      fetcher: (parameters, options) => {
        const sent = withoutStaleName(parameters);
        return (hasManyAnswers(sent) ? follow : send)(sent, options?.headers);
      },
      defaultTabs: tabs.map(({ query, variables }) => ({
        query,
        variables: filled(variables, ids),
      })),
      defaultEditorToolsVisibility: "variables",
      isHeadersEditorEnabled: true,
      showPersistHeadersSettings: false,
    }),
  );
}

start();
