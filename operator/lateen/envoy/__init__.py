"""From IR to Envoy's v3 messages, encoded. Pure functions; nothing else outside `lateen.xds` knows the messages.

Builders inside this package return the *fields* of a message as a dict; only the outermost
call makes the message. Creating nested messages from dicts costs a quarter of creating them
one by one, and the tests parse every result back.
"""
