// Package planner decides what is to be updated: findings and the updates on
// offer in, targets and what is left open out, each with its reason. It is
// pure; package managers then say what a target takes with it.
package planner
