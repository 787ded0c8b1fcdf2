"""From inbox to database to queue: watcher, intake, dispatcher."""
