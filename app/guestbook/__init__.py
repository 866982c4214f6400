"""What guest and house say to each other: messages, wishes for a stay, and surveys after it.

A *thread* belongs to one reservation; the guest writes in it at their own link or in their
account, the house on the reservation's page. A *wish* is what was asked for a stay (bed,
diet, time of arrival): in front of the staff on that day, forgotten soon after. A *survey*
is asked only of those who agreed to be asked.
"""
