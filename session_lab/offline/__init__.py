"""The parts of the offline model, one idea in each module.

Each builds on those above it only:

    wording       every sentence it can say
    words         a text as stems and synonyms
    clauses       a message as statements and questions
    arithmetic    calculations
    manners       greetings, and skills that it lacks
    people        whom "he" and "its" speak of
    conversation  the texts of one request
    repeated      what a reply tells of the user
    statements    what the user stated, with corrections applied, and what replies repeat of it
    memory        which statement answers a question
    world         `FACTS` and the questions they answer
    transcript    questions about the conversation itself
    replies       the reply
    arguments     the arguments of a tool call
    tools         which tools a message asks for
    request       a request's items as a conversation, and the results of its tool calls
    events        the reply as events of the Responses API

`session_lab.offline_model` puts them behind the SDK's `Model` interface. There is no understanding
here, only tables and regular expressions for English: what isn't in the texts of the request, in
`FACTS` or the result of a calculation can't come out.
"""
